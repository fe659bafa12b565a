package locallog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/jsonfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// message is an entry, field by field: a number and a value that is a number or a
// text.
func message(fields ...any) (m []byte) {
	for i := 0; i < len(fields); i += 2 {
		number := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int64:
			m = protowire.AppendTag(m, number, protowire.VarintType)
			m = protowire.AppendVarint(m, uint64(v))
		case string:
			m = protowire.AppendTag(m, number, protowire.BytesType)
			m = protowire.AppendString(m, v)
		case []byte:
			m = protowire.AppendTag(m, number, protowire.BytesType)
			m = protowire.AppendBytes(m, v)
		}
	}
	return m
}

func framed(m []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(m)))
	return binary.BigEndian.AppendUint32(append(out, m...), uint32(len(m)))
}

const at = int64(1_700_000_000_000_000_001)

var id = strings.Repeat("ab", 32)

func TestDecode(t *testing.T) {
	raw := "caf\xe9 \xff\x00\r"
	for _, test := range []struct {
		name    string
		message []byte
		text    string
		ordinal int32
	}{
		{"line", message(1, "stdout", 2, at, 3, raw), raw + "\n", 0},
		{"blank", message(1, "stdout", 2, at), "\n", 0},
		{"first part", message(1, "stdout", 2, at, 3, raw, 4, int64(1), 5, message(2, id, 3, int64(1))), raw, 1},
		{"last part", message(1, "stdout", 2, at, 3, raw, 4, int64(1), 5, message(1, int64(1), 2, id, 3, int64(7))), raw + "\n", 7},
		{"empty last part", message(1, "stdout", 2, at, 4, int64(1), 5, message(1, int64(1), 2, id, 3, int64(2))), "\n", 2},
		{"unterminated", message(1, "stdout", 2, at, 3, raw, 4, int64(1), 5, message(2, id, 3, int64(1))), raw, 1},
		{"attributes", message(1, "stdout", 2, at, 3, raw, 6, message(1, "tag", 2, "x")), raw + "\n", 0},
		{"newer fields", message(1, "stdout", 2, at, 3, raw, 9, "what", 10, int64(5)), raw + "\n", 0},
		{"line twice", message(1, "stdout", 2, at, 3, "longer than the other", 3, raw), raw + "\n", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			frame := framed(test.message)
			size, state := Size(append(slices.Clone(frame), "\x00\x00\x00\x20rest"...))
			if size != len(frame) || state != Whole {
				t.Fatalf("size %d of %d, state %d", size, len(frame), state)
			}
			guard := slices.Clone(frame[len(frame)-Guard:])
			var r logs.Record
			if err := Decode(frame, &r); err != nil {
				t.Fatal(err)
			}
			if string(r.Text) != test.text || r.Time != at || r.Stream != logs.Stdout || r.Ordinal != test.ordinal {
				t.Errorf("got %+v, want %q", r, test.text)
			}
			if (r.Line != 0) != (test.ordinal != 0) {
				t.Errorf("line %d of ordinal %d", r.Line, r.Ordinal)
			}
			if !bytes.Equal(guard, frame[len(frame)-Guard:]) || !IsEnd(guard) {
				t.Error("the end of the frame was changed")
			}
		})
	}
}

func TestStderr(t *testing.T) {
	var r logs.Record
	if err := Decode(framed(message(1, "stderr", 2, at, 3, "x")), &r); err != nil || r.Stream != logs.Stderr {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := message(1, "stdout", 2, at, 3, "x")
	for name, m := range map[string][]byte{
		"other stream":         message(1, "stdin!", 2, at, 3, "x"),
		"no stream":            message(2, at, 3, "x"),
		"no time":              message(1, "stdout", 3, "x"),
		"negative time":        message(1, "stdout", 2, int64(-1), 3, "x"),
		"negative ordinal":     message(1, "stdout", 2, at, 4, int64(1), 5, message(2, id, 3, int64(-1))),
		"time as text":         message(1, "stdout", 2, "soon"),
		"line as number":       message(1, "stdout", 2, at, 3, int64(1)),
		"id as number":         message(1, "stdout", 2, at, 5, message(2, int64(1))),
		"cut":                  good[:len(good)-1],
		"length of 2^63":       append(message(1, "stdout", 2, at), 0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"endless number":       append(message(1, "stdout"), append([]byte{0x10}, bytes.Repeat([]byte{0xff}, 20)...)...),
		"group":                append(slices.Clone(good), 0x53, 0x54),
		"very many fields":     append(slices.Clone(good), bytes.Repeat([]byte{0x38, 1}, 2000)...),
		"field without number": append(slices.Clone(good), 0, 1),
	} {
		var r logs.Record
		if err := Decode(framed(m), &r); err == nil {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

func TestSize(t *testing.T) {
	frame := framed(message(1, "stdout", 2, at, 3, "x"))
	for n := range frame {
		if size, state := Size(frame[:n]); size != 0 || state != Partial {
			t.Errorf("%d bytes: size %d, state %d", n, size, state)
		}
	}
	changed := func(at int, b byte) []byte {
		out := slices.Clone(frame)
		out[at] = b
		return out
	}
	for name, chunk := range map[string][]byte{
		"zeros":            make([]byte, 100),
		"4 GiB":            []byte("\xff\xff\xff\xff\x0a\x06stdout"),
		"over the limit":   []byte("\x00\x0f\x42\x41\x0a\x06stdout"),
		"no entry":         []byte("\x00\x00\x00\x10hello"),
		"another trailer":  changed(len(frame)-1, 9),
		"trailer of 4 GiB": changed(len(frame)-4, 0xff),
		"length too small": changed(3, 9),
		"not even a start": []byte("x"),
	} {
		if size, state := Size(chunk); size != 0 || state != Broken {
			t.Errorf("%s: size %d, state %d", name, size, state)
		}
	}
}

func TestNext(t *testing.T) {
	frame := framed(message(1, "stdout", 2, at, 3, "x"))
	lie := framed(message(1, "stdout", 2, int64(-1), 3, "x"))
	join := func(parts ...any) (out []byte) {
		for _, p := range parts {
			out = append(out, fmt.Appendf(nil, "%s", p)...)
		}
		return out
	}
	for _, test := range []struct {
		name  string
		chunk []byte
		last  bool
		n     int
		ok    bool
	}{
		{"at once", frame, false, 0, true},
		{"torn before it", join(frame[:9], frame), false, 9, true},
		{"zeros before it", join(make([]byte, 5000), frame), false, 5000, true},
		{"half of it", join("rubbish", frame[:12]), false, 7, true},
		{"half of it, for good", join("rubbish", frame[:12]), true, 19, false},
		{"a lie before it", join("rubbish", lie, frame), false, 7 + len(lie), true},
		{"too little to tell", join("rubbish", frame[:8]), false, 7, false},
		{"nothing", []byte(strings.Repeat("rubbish", 100)), false, 692, false},
		{"nothing, for good", []byte(strings.Repeat("rubbish", 100)), true, 700, false},
		{"little", []byte("rub"), false, 0, false},
	} {
		if n, ok := Next(test.chunk, test.last); n != test.n || ok != test.ok {
			t.Errorf("%s: %d %v, want %d %v", test.name, n, ok, test.n, test.ok)
		}
	}
}

// FuzzDecode: whatever the bytes are, nothing is read beyond them, and what is a
// record is one that an encoder would have written.
func FuzzDecode(f *testing.F) {
	good := framed(message(1, "stdout", 2, at, 3, "caf\xe9", 4, int64(1), 5, message(1, int64(1), 2, id, 3, int64(2))))
	f.Add(good)
	f.Add(framed(message(1, "stderr", 2, at)))
	f.Add(append(append(slices.Clone(good[:20]), good...), good[:30]...))
	f.Add([]byte("\xff\xff\xff\xff\x0a\x06stdout"))
	f.Add(append(make([]byte, 50), good...))
	f.Fuzz(func(t *testing.T, chunk []byte) {
		chunk = slices.Clip(slices.Clone(chunk))
		for _, last := range []bool{false, true} {
			if n, ok := Next(chunk, last); n < 0 || n > len(chunk) || ok && n == len(chunk) || last && !ok && n != len(chunk) {
				t.Fatalf("next %d %v of %d", n, ok, len(chunk))
			} else if ok {
				if _, state := Size(chunk[n:]); state == Broken || last && state != Whole {
					t.Fatalf("next is in state %d", state)
				}
			}
		}
		size, state := Size(chunk)
		if (state == Whole) != (size > 0) || size > len(chunk) {
			t.Fatalf("size %d of %d, state %d", size, len(chunk), state)
		}
		var r logs.Record
		if state != Whole || Decode(chunk[:size:size], &r) != nil {
			return
		}
		if len(r.Text) >= size || r.Time <= 0 || r.Ordinal < 0 || r.Stream > logs.Stderr {
			t.Fatalf("%+v", r)
		}
	})
}

// BenchmarkDecode decodes the same lines from frames and from json-file.
func BenchmarkDecode(b *testing.B) {
	text := `{"level":"info","n":1234,"msg":"handled","path":"/api/v1/items/1234","took":56}`
	frame := framed(message(1, "stdout", 2, at, 3, text))
	line := []byte(`{"log":"` + strings.ReplaceAll(text, `"`, `\"`) + `\n","stream":"stdout","time":"2023-11-14T22:13:20.000000001Z"}`)
	var r logs.Record
	chunk := make([]byte, 0, 1<<10)
	b.Run("frame", func(b *testing.B) {
		b.SetBytes(int64(len(frame)))
		b.ReportAllocs()
		for b.Loop() {
			chunk = append(chunk[:0], frame...)
			if size, _ := Size(chunk); Decode(chunk[:size], &r) != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		var decoder jsonfile.Decoder
		b.SetBytes(int64(len(line)))
		b.ReportAllocs()
		for b.Loop() {
			chunk = append(chunk[:0], line...)
			if _, _, err := decoder.Decode(chunk, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestDecodeDoesNotAllocate keeps the hot path free of garbage.
func TestDecodeDoesNotAllocate(t *testing.T) {
	frame := framed(message(1, "stdout", 2, at, 3, "a line"))
	work := make([]byte, len(frame))
	var r logs.Record
	if n := testing.AllocsPerRun(100, func() {
		copy(work, frame)
		if err := Decode(work, &r); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations per line", n)
	}
}

// TestD2FrameWithoutEnd: a frame of which only the second length did not fit is one; one
// that was torn before that is none, whatever is behind it.
func TestD2FrameWithoutEnd(t *testing.T) {
	frame := func(text string) []byte {
		return framed(message(fieldSource, "stdout", fieldTime, at, fieldLine, []byte(text)))
	}
	first, next := frame("the first\x00\x00"), frame("the next")
	for cut := range first {
		for behind := range 5 {
			for _, last := range []bool{false, true} {
				chunk := append(bytes.Clone(first[:cut]), bytes.Repeat(next, behind)...)
				before := bytes.Clone(chunk)
				n, state := Unended(chunk, last)
				want := cut >= len(first)-LengthSize && (behind > 0 || last)
				if (state == Whole) != want || want && n != cut {
					t.Errorf("cut at %d of %d, %d behind, last %t: %d, %v", cut, len(first), behind, last, n, state)
				}
				if state != Whole {
					continue
				}
				var r logs.Record
				if err := DecodeUnended(chunk, &r); err != nil || string(r.Text) != "the first\x00\x00\n" || !bytes.Equal(chunk, before) {
					t.Errorf("%q, %v", r.Text, err)
				}
			}
		}
	}
}
