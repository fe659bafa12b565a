package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// fill sets every field to a value of its own.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprint(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n) & 0xff)
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n))
	default:
		v.SetInt(*n - 1<<62)
	}
}

// coded writes a position and reads it again.
func coded(p logs.Position) (got logs.Position, rest int, bad bool) {
	var out coder
	out.position(&p)
	in := coder{b: out.b, reading: true}
	in.position(&got)
	return got, len(in.b), in.bad
}

// TestPositionInAFrame: no field is left out, also none that comes later.
func TestPositionInAFrame(t *testing.T) {
	var p logs.Position
	n := int64(0)
	fill(reflect.ValueOf(&p).Elem(), &n)
	for _, want := range []logs.Position{{}, position(5), p} {
		if got, rest, bad := coded(want); bad || rest != 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// TestV1WhenAFileWasMade: it is there again, and a position without it is as it was.
func TestV1WhenAFileWasMade(t *testing.T) {
	for _, made := range []int64{0, 1, 1 << 62} {
		p := logs.Position{File: logs.FilePosition{Device: 1, Inode: 2, Made: made, Fingerprint: 3, Behind: [logs.Streams]bool{true, false}}, Last: 4}
		if got, rest, bad := coded(p); bad || rest != 0 || !reflect.DeepEqual(got, p) {
			t.Errorf("%+v came back as %+v", p, got)
		}
	}
}

// TestD12RestIsKept: what is left of a line that was cut is in the position, with and
// without a place in the journal, and absent without one.
func TestD12RestIsKept(t *testing.T) {
	rest := [logs.Streams]logs.Rest{{Time: -5, Line: 1 << 63, Ordinal: 7}, {Time: 1_700_000_000_000_000_000}}
	journal := [logs.Streams]logs.JournalPosition{{Seqnum: 3}, {Hash: 9}}
	opened := logs.Place{Device: 1, Inode: 2, Fingerprint: 3, Offset: 4}
	for _, p := range []logs.Position{
		{Last: 4}, {Last: 4, Rest: rest}, {Last: 4, Journal: journal}, {Last: 4, Journal: journal, Rest: rest},
		{Last: 4, Rest: rest, Since: 5, Opened: opened}, {Last: 4, Journal: journal, Since: 5, Opened: opened},
		{Last: 4, Journal: journal, Rest: rest, Since: 5, Opened: opened}, {Last: 4, Since: 5, Opened: opened},
		{Last: 4, Since: 1 << 62, Opened: logs.Place{Device: 1 << 63, Inode: 1 << 63, Fingerprint: 3, Offset: 1 << 62}, Seen: logs.Seen{Known: true, Past: true, Time: 1 << 62, Hash: 1 << 63}},
		{Since: 5, Seen: logs.Seen{Known: true, Past: true, Ahead: true, Time: 6, Hash: 7}}, {Since: 5, Seen: logs.Seen{Known: true, Ahead: true, Time: 6}},
		{Seen: logs.Seen{Known: true}}, {Last: 4, Journal: journal, Rest: rest, Since: 5, Seen: logs.Seen{Known: true, Time: 6}},
	} {
		if got, rest, bad := coded(p); bad || rest != 0 || !reflect.DeepEqual(got, p) {
			t.Errorf("got %+v, want %+v", got, p)
		}
	}
}

// TestLaterPosition: what a later lighterman adds at the end is passed over, and what an
// earlier one did not have is zero.
func TestLaterPosition(t *testing.T) {
	p := position(5)
	p.Journal[1].Hash, p.Plain.Epoch = 7, 7
	var out coder
	out.position(&p)
	c := decode(sealed(appendBlock([]byte("p\x01a"), append(out.b, "more"...))))
	if c.problem != nil || !reflect.DeepEqual(c.records["a"].position, p) {
		t.Errorf("with more: %v", c.problem)
	}
	for n := range out.b {
		c := decode(sealed(appendBlock([]byte("p\x01a"), out.b[:n])))
		if c.problem != nil && !errors.Is(c.problem, errForm) {
			t.Errorf("with %d bytes: %v", n, c.problem)
		}
	}
	p.Plain.Epoch = 0
	c = decode(sealed(appendBlock([]byte("p\x01a"), out.b[:len(out.b)-1])))
	if c.problem != nil || !reflect.DeepEqual(c.records["a"].position, p) {
		t.Errorf("with less: %v", c.problem)
	}
}

// sealed makes a file of changes, a frame for each, so that what a checksum would keep out
// comes in.
func sealed(frames ...[]byte) []byte {
	data := append([]byte(nil), header...)
	for i, changes := range frames {
		start := len(data)
		data = seal(append(beginFrame(data, uint64(i+1)), changes...), start)
	}
	return data
}

// exported returns records as the store gives them.
func exported(records map[string]*record) map[string]Record {
	if records == nil {
		return nil
	}
	out := make(map[string]Record)
	for id, r := range records {
		out[id] = r.export(id)
	}
	return out
}

func equal(a, b map[string]Record) bool { return reflect.DeepEqual(a, b) }

// written encodes records as a new file begins.
func written(records map[string]*record) []byte {
	t := table{records: records}
	return t.begin(nil)
}

func TestDecodeRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":                nil,
		"another file":           []byte("#!/bin/sh\n"),
		"no version":             []byte("lighterman-positions x\n"),
		"the version before":     []byte("lighterman-positions 1\n{}\n"),
		"only a header":          header,
		"half a header":          header[:5],
		"an unknown kind":        sealed([]byte("x\x01a")),
		"nobody forgotten":       sealed([]byte("f")),
		"an empty ID":            sealed([]byte("f\x00")),
		"an ID that is long":     sealed([]byte("f\xff\x01a")),
		"no position":            sealed([]byte("p\x01a")),
		"a position that is cut": sealed([]byte("p\x01a\x01\x80")),
		"a list without end":     sealed([]byte("p\x01a\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\x01")),
		"no labels":              sealed([]byte("r\x01a\x00")),
		"no JSON":                sealed([]byte("r\x01a\x00\x01{")),
		"nested too deep":        sealed(appendBlock([]byte("r\x01a\x00"), bytes.Repeat([]byte("["), 1<<20))),
	} {
		if c := decode(data); c.records != nil || c.problem == nil {
			t.Errorf("%s: decoded", name)
		}
	}
	// What is before stands.
	for name, data := range map[string][]byte{
		"an unknown kind": sealed([]byte("p\x01a\x00"), []byte("x\x01a")),
		"the same again":  append(sealed([]byte("p\x01a\x00")), sealed([]byte("f\x01a"))[len(header):]...),
		"zeros":           append(sealed([]byte("p\x01a\x00")), make([]byte, 4096)...),
	} {
		if c := decode(data); len(c.records) != 1 || c.problem == nil || c.number != 1 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := decode(sealed([]byte("p\x01a\x00f\x01b"), []byte("f\x01a"))); c.problem != nil || c.number != 2 || c.records == nil || len(c.records) != 0 {
		t.Errorf("what is sound: %+v", c)
	}
}

// TestLabelsThatAreNone are left out, also where a file has them.
func TestLabelsThatAreNone(t *testing.T) {
	c := decode(sealed(appendBlock([]byte("r\x01a\x00"), []byte(`[{"from":1},{"from":2,"labels":{}}]`))))
	if c.problem != nil || len(c.records["a"].labels) != 1 {
		t.Errorf("%+v", c)
	}
}

// FuzzDecode: no input makes it panic, and what it accepts is the same when it is written
// again, also what is before damage.
func FuzzDecode(f *testing.F) {
	whole := written(map[string]*record{containerID(1): {position: position(5)}, "a": {labels: []LabelsSince{{Labels: labels("a")}}}})
	f.Add([]byte(nil), false)
	f.Add(whole, false)
	f.Add(whole[:len(whole)-1], false)
	f.Add([]byte("lighterman-positions 3\n"), false)
	f.Add([]byte("p\x01a\x00f\x01ar\x01b\x00\x00"), true)
	f.Add(appendBlock([]byte("r\x01a\x00"), []byte(`[{"from":2,"labels":{"labels":[{"name":"a","value":"b"}]}}]`)), true)
	var p coder
	full := position(5)
	full.Journal[1].Hash = 1
	p.position(&full)
	f.Add(appendBlock([]byte("p\x01a"), p.b), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal {
			data = sealed(bytes.Split(data, []byte("|"))...)
		}
		c := decode(data)
		if c.records == nil {
			if c.problem == nil {
				t.Fatal("nothing is in it, and nothing is wrong")
			}
			return
		}
		again := decode(written(c.records))
		if again.problem != nil {
			t.Fatalf("what was decoded does not decode again: %v", again.problem)
		}
		if !equal(exported(c.records), exported(again.records)) {
			t.Fatal("what was decoded changes when it is written")
		}
	})
}

func TestVersionError(t *testing.T) {
	err := decode([]byte("lighterman-positions 7\nwhatever comes")).problem
	if err == nil || !strings.Contains(err.Error(), "version 7") || !strings.Contains(err.Error(), "version 2 only") {
		t.Errorf("got %v", err)
	}
}
