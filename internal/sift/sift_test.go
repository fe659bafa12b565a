package sift

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// endless is a text without an end.
type endless struct {
	head string
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = 'x'
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestDecoder(t *testing.T) {
	text := ` {"skip":{"a":[1,{"b":"}\""}],"c":null},"n":-1.5e3,"name":"a\"\u00e9\ud83d\ude00\n","yes":true,"list":["x",null],"none":null,"labels":{}} `
	for name, in := range map[string]io.Reader{"at once": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text))} {
		d := New(in, 1<<20)
		var got string
		var yes bool
		var list []string
		err := d.Object(func(key string) (err error) {
			switch key {
			case "name":
				got, _, err = d.String(100)
			case "yes":
				yes, err = d.Bool()
			case "list":
				err = d.Array(func() error {
					s, _, err := d.String(100)
					list = append(list, s)
					return err
				})
			case "none", "labels":
				err = d.Object(func(string) error { t.Error("a key"); return nil })
			default:
				err = d.Skip()
			}
			return err
		})
		if err == nil {
			err = d.End()
		}
		if err != nil || got != "a\"é😀\n" || !yes || len(list) != 2 || list[0] != "x" || list[1] != "" {
			t.Errorf("%s: %q %v %q %v", name, got, yes, list, err)
		}
	}
}

// TestS2CutString: of a long string only its beginning is kept, in whole characters.
func TestS2CutString(t *testing.T) {
	for in, want := range map[string]string{
		`"abcdefgh"`: "abcd", `"abcé"`: "abc", `"abé"`: "abé", `"ab\u00e9x"`: "abé", `"abc\u00e9"`: "abc", "\"a\xff\xff\"": "a\ufffd", `"abcd"`: "abcd", `"\ud83d\ude00!"`: "😀", `"a\ud83d"`: "a\ufffd",
	} {
		got, cut, err := New(strings.NewReader(in), 100).String(4)
		var whole string
		if e := json.Unmarshal([]byte(in), &whole); e != nil || err != nil {
			t.Fatal(e, err)
		}
		if got != want || cut != (want != whole) {
			t.Errorf("%q: %q, %v; want %q", in, got, cut, want)
		}
	}
	e := &endless{head: `{"a":"`}
	d := New(e, 64<<20)
	allocated := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			*e = endless{head: `{"a":"`}
			d = New(e, 64<<20)
			if err := d.Object(func(string) error { _, _, err := d.String(2048); return err }); !errors.Is(err, ErrTooLarge) {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if allocated > 64<<10 {
		t.Errorf("%d bytes for a text of 64 MiB", allocated)
	}
}

func TestDecoderErrors(t *testing.T) {
	for text, torn := range map[string]bool{`{`: true, `{"a"`: true, `{"a":`: true, `{"a":"`: true, `{"a":"\`: true, `{"a":"\u00`: true, `{"a":[1,`: true, ``: true, `{"a":1,`: true,
		`{a:1}`: false, `[]`: false, `{"a" 1}`: false, `{"a":"\x"}`: false, `{"a":"\u00g0"}`: false, `{"a":1]`: false, `1`: false, `{"a":}`: false, `{,}`: false} {
		d := New(strings.NewReader(text), 100)
		err := d.Object(func(string) error { return d.Skip() })
		if err == nil || errors.Is(err, ErrTorn) != torn {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := New(strings.NewReader(`{"a":1}`), 3).Skip(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if err := New(iotest.ErrReader(io.ErrClosedPipe), 3).Skip(); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if err := New(strings.NewReader(strings.Repeat("[", 1<<20)), 1<<30).Skip(); !errors.Is(err, ErrTorn) {
		t.Error(err)
	}
}

// decodeAny reads any value in the way that encoding/json does, for comparison.
func decodeAny(d *Decoder, depth int) (any, error) {
	c, err := d.next()
	if err != nil {
		return nil, err
	}
	d.at--
	switch {
	case c == '"':
		s, _, err := d.String(1 << 20)
		return s, err
	case c == 't' || c == 'f':
		return d.Bool()
	case c == '[' && depth < 100:
		out := []any{}
		err := d.Array(func() error {
			v, err := decodeAny(d, depth+1)
			out = append(out, v)
			return err
		})
		return out, err
	case c == '{' && depth < 100:
		out := map[string]any{}
		err := d.Object(func(key string) error {
			v, err := decodeAny(d, depth+1)
			out[key] = v
			return err
		})
		return out, err
	}
	return nil, d.Skip()
}

// withoutNumbers is what decodeAny makes of them.
func withoutNumbers(v any) any {
	switch v := v.(type) {
	case float64:
		return nil
	case []any:
		for i := range v {
			v[i] = withoutNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = withoutNumbers(v[k])
		}
	}
	return v
}

// FuzzDecoder: what is JSON is read as encoding/json reads it, and nothing else makes
// trouble.
func FuzzDecoder(f *testing.F) {
	for _, text := range []string{`{"a":["b",1,true,null,{"c":"\u00e9\ud83d\ude00\ud83dx\n"}]}`, `"`, `[1 2]`, "{\"a\":\"\xff\"}", `{"a":1}`, ` 12 `, `"\ud83d\ud83d\ude00"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > maxKey { // keys are cut
			return
		}
		d := New(iotest.HalfReader(bytes.NewReader(text)), 1<<20)
		got, err := decodeAny(d, 0)
		if err == nil {
			err = d.End()
		}
		var want any
		if json.Unmarshal(text, &want) != nil {
			return
		}
		have, _ := json.Marshal(got)
		wanted, _ := json.Marshal(withoutNumbers(want))
		if err != nil || !bytes.Equal(have, wanted) {
			t.Errorf("%q: got %s, %v; want %s", text, have, err, wanted)
		}
		d = New(bytes.NewReader(text), 1<<20)
		if err := d.Skip(); err != nil {
			t.Errorf("%q: cannot skip: %v", text, err)
		}
		if s, _, err := New(bytes.NewReader(text), 1<<20).String(5); err == nil && (!utf8.ValidString(s) || len(s) > 5) {
			t.Errorf("%q: cut to %q", text, s)
		}
	})
}
