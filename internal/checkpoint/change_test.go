package checkpoint

import (
	"bytes"
	"reflect"
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
	case reflect.Uint8:
		v.SetUint(uint64(*n) & 0xff)
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n))
	default:
		v.SetInt(*n - 1<<62)
	}
}

// TestPositionInTheLog: no field is left out, also none that comes later.
func TestPositionInTheLog(t *testing.T) {
	var p logs.Position
	n := int64(0)
	fill(reflect.ValueOf(&p).Elem(), &n)
	for _, want := range []logs.Position{{}, position(5), p} {
		in := reader{rest: appendPosition(nil, &want)}
		got := in.position()
		if in.end(); in.bad || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// logOf encodes changes as Flush does.
func logOf(changes []change) []byte {
	data := []byte(logHeader)
	for _, c := range changes {
		r := newRecord(c.record.ID)
		r.setPosition(c.record.Position)
		r.setLabels(c.record.Labels)
		switch c.kind {
		case changeMark:
			data = appendMark(data, c.mark)
		case changeForget:
			data = appendForget(data, c.record.ID)
		default:
			r.relabelled = c.kind == changeRecord
			data = r.appendChange(data, c.record.ID)
		}
	}
	return data
}

// sealedLog makes a log of bodies, each behind its length in one byte, so that
// what a checksum would keep out comes in.
func sealedLog(bodies []byte) []byte {
	data := []byte(logHeader)
	for len(bodies) > 0 {
		n := min(int(bodies[0]), len(bodies)-1)
		start := len(data)
		data = append(append(data, 0, 0, 0, 0), bodies[1:n+1]...)
		data = seal(data, start)
		bodies = bodies[n+1:]
	}
	return data
}

func changesIn(data []byte) (changes []change, err error) {
	err = decodeLog(data, func(c change) { changes = append(changes, c) })
	return changes, err
}

func TestDecodeLogRefuses(t *testing.T) {
	for name, bodies := range map[string]string{
		"nothing":            "\x00",
		"an unknown kind":    "\x02x1",
		"a short mark":       "\x04m123",
		"a long mark":        "\x0am123456789",
		"nobody forgotten":   "\x01f",
		"no ID":              "\x02p\x00",
		"an ID that is long": "\x03p\xffa",
		"no position":        "\x03p\x01a",
		"no JSON":            "\x02r{",
		"a record of nobody": "\x03r{}",
	} {
		if changes, err := changesIn(sealedLog([]byte(bodies))); err == nil || len(changes) != 0 {
			t.Errorf("%s: decoded %+v", name, changes)
		}
	}
}

// FuzzDecodeLog: no input makes it panic, and what it accepts is the same when it
// is written again.
func FuzzDecodeLog(f *testing.F) {
	whole := logOf([]change{
		{kind: changeMark, mark: 7},
		{kind: changePosition, record: Record{ID: containerID(1), Position: position(5)}},
		{kind: changeRecord, record: Record{ID: "a", Position: position(6), Labels: []LabelsSince{{Labels: labels("a")}}}},
		{kind: changeForget, record: Record{ID: "a"}},
	})
	f.Add([]byte(nil), false)
	f.Add(whole, false)
	f.Add(whole[:len(whole)-1], false)
	f.Add([]byte("\x09m12345678\x02fa\x0cr{\"id\":\"b\"}\n"), true)
	body := append([]byte("p\x01a"), appendPosition(nil, &logs.Position{Last: -1})...)
	f.Add(append([]byte{byte(len(body))}, body...), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal {
			data = sealedLog(data)
		}
		changes, _ := changesIn(data)
		for i := range changes { // an element without labels is left out
			r := newRecord("")
			r.setLabels(changes[i].record.Labels)
			changes[i].record.Labels = r.labels
		}
		first := logOf(changes)
		again, err := changesIn(first)
		if err != nil {
			t.Fatalf("what was decoded does not decode again: %v", err)
		}
		if len(again) != len(changes) || !bytes.Equal(first, logOf(again)) {
			t.Fatal("what was decoded changes when it is written")
		}
		for i := range again {
			if again[i].kind != changes[i].kind || again[i].mark != changes[i].mark ||
				!reflect.DeepEqual(again[i].record.Position.File, changes[i].record.Position.File) {
				t.Fatal("a change is another when it is written")
			}
		}
	})
}
