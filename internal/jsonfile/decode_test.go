package jsonfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestDecode(t *testing.T) {
	at := time.Date(2025, 11, 7, 12, 0, 0, 123000000, time.UTC).UnixNano()
	for _, test := range []struct {
		name, line, text string
		stream           logs.Stream
		time             int64
		torn             int
	}{
		{"plain", `{"log":"message\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`, "message\n", logs.Stdout, at, 0},
		{"stderr", `{"log":"x\n","stream":"stderr","time":"2025-11-07T12:00:00.123Z"}`, "x\n", logs.Stderr, at, 0},
		{"blank", `{"log":"\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`, "\n", logs.Stdout, at, 0},
		{"part", `{"log":"part","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`, "part", logs.Stdout, at, 0},
		{"no fraction", `{"log":"x\n","stream":"stdout","time":"2025-11-07T12:00:00Z"}`, "x\n", logs.Stdout, at - 123000000, 0},
		{"nine digits", `{"log":"x\n","stream":"stdout","time":"2025-11-07T12:00:00.123000001Z"}`, "x\n", logs.Stdout, at + 1, 0},
		{"escapes", `{"log":"\"q\" \\ \r \u0009\u003c\u2028\ufffd é \n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`,
			"\"q\" \\ \r \t<\u2028\ufffd é \n", logs.Stdout, at, 0},
		{"backslash before the end", `{"log":"dir\\","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`, `dir\`, logs.Stdout, at, 0},
		{"surrogates", `{"log":"\ud83d\ude00 \ud83d \ude00\ud83d\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`,
			"😀 \ufffd \ufffd\ufffd\n", logs.Stdout, at, 0},
		{"attrs", `{"log":"x\n","stream":"stdout","attrs":{"a":"},\"time\":\"z","time":"no"},"time":"2025-11-07T12:00:00.123Z"}`, "x\n", logs.Stdout, at, 0},
		{"other order", `{"time":"2025-11-07T12:00:00.123Z", "stream":"stderr", "log":"x\n"}`, "x\n", logs.Stderr, at, 0},
		{"no log", `{"stream":"stderr","time":"2025-11-07T12:00:00.123Z"}`, "", logs.Stderr, at, 0},
		{"other zone", `{"log":"x\n","stream":"stdout","time":"2025-11-07T13:00:00.123+01:00"}`, "x\n", logs.Stdout, at, 0},
		{"torn", `{"log":"lost{"log":"kept\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`, "kept\n", logs.Stdout, at, 12},
		{"a record inside a record", `{"log":"{\"log\":\"x\"}\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`, "{\"log\":\"x\"}\n", logs.Stdout, at, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var d Decoder
			var r logs.Record
			torn, end, err := d.Decode([]byte(test.line), &r)
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Text) != test.text || r.Stream != test.stream || r.Time != test.time || torn != test.torn || end != len(test.line) {
				t.Errorf("got %q %v %d torn %d, want %q %v %d torn %d",
					r.Text, r.Stream, r.Time, torn, test.text, test.stream, test.time, test.torn)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, line := range []string{
		"", "{", "null", `"x"`, `[]`, `{}`, "2025-11-07T12:00:00.123Z stdout F podman",
		`{"log":"x\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"`,
		`{"log":"x\q","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`,
		`{"log":"x\u12","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`,
		`{"log":"x","stream":"stdin","time":"2025-11-07T12:00:00.123Z"}`,
		`{"log":"x","stream":"stdout","time":"2025-13-07T12:00:00.123Z"}`,
		`{"log":"x","stream":"stdout","time":"2025-11-07T12:00:61Z"}`,
		`{"log":"x","stream":"stdout","time":"9999-11-07T12:00:00Z"}`,
		`{"log":"x","stream":"stdout","time":""}`,
		`{"log":1,"stream":"stdout","time":"2025-11-07T12:00:00Z"}`,
	} {
		var d Decoder
		var r logs.Record
		if _, _, err := d.Decode([]byte(line), &r); err == nil {
			t.Errorf("%s: no error, text %q", line, r.Text)
		}
	}
}

// FuzzDecode holds the fast path against encoding/json, which has to accept whatever it
// accepts and make the same record of it; and nothing may panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"log":"message\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`))
	f.Add([]byte(`{"log":"\"q\" \\ \u0009\ud83d\ude00\n","stream":"stderr","attrs":{"a":"b"},"time":"2025-11-07T12:00:00Z"}`))
	f.Add([]byte(`{"log":"lost{"log":"kept\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`))
	f.Add([]byte("{\"log\":\"zeros \x00\x00\\n\",\"stream\":\"stdout\",\"time\":\"2025-11-07T12:00:00.123Z\"}"))
	f.Add([]byte("{\"log\":\"a \xff \x7f\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"\\q\",\"b\":\"\t\"},\"time\":\"2025-11-07T12:00:00.123Z\"}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var fast, slow Decoder
		var got, want logs.Record
		if !fast.fast(bytes.Clone(line), &got) {
			if _, _, err := slow.Decode(bytes.Clone(line), &want); err == nil && want.Stream > logs.Stderr {
				t.Fatalf("stream %d", want.Stream)
			}
			return
		}
		if err := slow.slow(line, &want); err != nil {
			t.Fatalf("fast accepts what slow refuses: %v", err)
		}
		// Bytes that are no UTF-8 are replaced later, in the same way.
		if got.Time != want.Time || got.Stream != want.Stream || string([]rune(string(got.Text))) != string(want.Text) {
			t.Fatalf("fast %d %v %q, slow %d %v %q", got.Time, got.Stream, got.Text, want.Time, want.Stream, want.Text)
		}
	})
}

type textFunc func(d *Decoder, s []byte) (kept int, made []byte, end int, ok bool)

// ways are those to find a text that this processor has.
func ways() map[string]textFunc {
	all := map[string]textFunc{"words": (*Decoder).textByWords}
	if vectors {
		all["vectors"] = (*Decoder).textByVectors
	}
	return all
}

// FuzzText holds the one pass over a string against two.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		`message\n"`, `plain"`, `"`, `\"q\" \\ \u0009\ud83d\ude00\ud83d \ude00\n"x`, `no end`, `12345678\`, `1234567\u00`, `\q"`, `\n\n"`, `a\/b\u003C"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		want, wantEnd, wantOK := twoPasses(bytes.Clone(s))
		for name, text := range ways() {
			var d Decoder
			before := bytes.Clone(s)
			kept, made, end, ok := text(&d, s)
			if !bytes.Equal(s, before) {
				t.Fatalf("by %s: %q was changed to %q", name, before, s)
			}
			if ok != wantOK {
				t.Fatalf("by %s: %q: %t, want %t", name, s, ok, wantOK)
			}
			got := slices.Concat(s[:max(kept, 0)], made)
			if ok && (end != wantEnd || !bytes.Equal(got, want) || len(got) > end) {
				t.Fatalf("by %s: %q: %q up to %d, want %q up to %d", name, s, got, end, want, wantEnd)
			}
			if high := bytes.ContainsFunc(got, func(r rune) bool { return r >= utf8.RuneSelf }); ok && d.ascii && high {
				t.Fatalf("by %s: %q is said to be ASCII", name, got)
			}
		}
	})
}

// TestASCII: what has many escapes is known to be ASCII where it is, and known not to
// be wherever the other byte stands.
func TestASCII(t *testing.T) {
	var d Decoder
	var r logs.Record
	of := func(text string) bool {
		t.Helper()
		line := `{"log":"` + text + `","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`
		if _, _, err := d.Decode([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		return r.ASCII
	}
	const text = `{\"level\":\"info\",\"message\":\"done, as it was said\",\"n\":12345}\n`
	if !of(text) {
		t.Error("not known to be ASCII")
	}
	for i := range len(text) {
		if text[i] != '\\' && (i == 0 || text[i-1] != '\\') && of(text[:i]+"é"+text[i:]) {
			t.Errorf("said to be ASCII with another letter at %d", i)
		}
	}
	plainText := strings.Repeat("as it was said ", 7)
	for i := range plainText {
		for _, end := range []string{`\n`, `\"\n`} {
			if !of(plainText[i:] + end) {
				t.Errorf("%q is not known to be ASCII", plainText[i:]+end)
			}
			if of(plainText[:i] + "é" + plainText[i:] + end) {
				t.Errorf("said to be ASCII with another letter at %d", i)
			}
		}
	}
	if of(`\"\u00e9\n`) || of(`é\"\n`) || of("\xff\\\"\\n") {
		t.Error("said to be ASCII")
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{
		"plain":   strings.Repeat("x", 160) + `\n`,
		"escapes": strings.Repeat(`{\"level\":\"info\",\"n\":12345},`, 6) + `\n`,
		"part":    strings.Repeat("as it was said ", 1<<10),
		"long":    strings.Repeat(`{\"level\":\"info\",\"n\":12345},`, 200) + `\n`,
	} {
		b.Run(name, func(b *testing.B) {
			line := []byte(`{"log":"` + text + `","stream":"stdout","time":"2025-11-07T12:00:00.123456789Z"}`)
			work := make([]byte, len(line))
			var d Decoder
			var r logs.Record
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				copy(work, line)
				if _, _, err := d.Decode(work, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestDecodeDoesNotAllocate keeps the hot path free of garbage.
func TestDecodeDoesNotAllocate(t *testing.T) {
	line := []byte(`{"log":"\"a\" \u003c b\n","stream":"stdout","attrs":{"tag":"t"},"time":"2025-11-07T12:00:00.123456789Z"}`)
	work := make([]byte, len(line))
	var d Decoder
	var r logs.Record
	if n := testing.AllocsPerRun(100, func() {
		copy(work, line)
		if _, _, err := d.Decode(work, &r); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations per line", n)
	}
}

// TestScratchStaysSmall: each log has a decoder, so what one keeps counts a thousand times.
func TestScratchStaysSmall(t *testing.T) {
	var d Decoder
	var r logs.Record
	for _, text := range []string{`say \"hello\"`, strings.Repeat("x", 100), strings.Repeat("x", logs.PartSize)} {
		if _, _, err := d.Decode([]byte(`{"log":"`+text+`\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`), &r); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.scratch) > 300 {
		t.Errorf("%d bytes are kept", len(d.scratch))
	}
}

// BenchmarkDecodeTypical decodes lines that differ, as programs write them, so that where
// escapes are cannot be foreseen.
func BenchmarkDecodeTypical(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	words := strings.Fields("request served cache miss connection opened retry worker queue started finished user session token")
	var lines [][]byte
	size := 0
	for i := range 4096 {
		some := make([]string, 3+random.IntN(10))
		for k := range some {
			some[k] = words[random.IntN(len(words))]
		}
		message := strings.Join(some, " ")
		text := fmt.Sprintf("t=%d c=00042 n=%010d ", random.Int64(), i)
		switch i % 10 {
		case 0, 1:
			text += "INFO " + message + " id="
		case 2, 3, 4, 5, 6:
			text += fmt.Sprintf(`{\"level\":\"info\",\"msg\":\"%s\",\"path\":\"/api/v1/orders\",\"ms\":%d} `, message, random.IntN(5000))
		case 7, 8:
			text += fmt.Sprintf(`level=info msg=\"%s\" path=/login rows=%d caller=store/rows.go:%d id=`, message, random.IntN(1000), random.IntN(900))
		default:
			text += `\u001b[32mok\u001b[0m ` + message + ` größe col1\tcol2 `
		}
		line := fmt.Sprintf(`{"log":"%s%016x\n","stream":"stdout","time":"2025-11-07T12:00:00.%09dZ"}`, text, random.Uint64(), 100_000_001+i)
		lines, size = append(lines, []byte(line)), size+len(line)
	}
	work := make([]byte, 4096)
	var d Decoder
	var r logs.Record
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			w := work[:copy(work, line)]
			if _, _, err := d.Decode(w, &r); err != nil {
				b.Fatal(err)
			}
			if !r.ASCII && !utf8.Valid(r.Text) {
				b.Fatal("no text")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(lines)), "ns/line")
}

// TestTornWithinAttrs: wherever a record was cut off by a full disk or a kill, the whole
// one behind it is delivered as it is.
func TestTornWithinAttrs(t *testing.T) {
	const torn = `{"log":"A\n","stream":"stdout","attrs":{"env":"a\"b\\","tag":"w"},"time":"2025-11-07T12:00:00.123Z"}`
	for _, attrs := range []string{"", `"attrs":{},`, `"attrs":{"tag":"w"},`, `"attrs":{"log":"w\\","tag":"{}"},`} {
		whole := `{"log":"B\n","stream":"stderr",` + attrs + `"time":"2025-11-07T12:00:01Z"}`
		for cut := range len(torn) {
			var d Decoder
			var r logs.Record
			lost, _, err := d.Decode([]byte(torn[:cut]+whole), &r)
			if err != nil || lost != cut || string(r.Text) != "B\n" || r.Stream != logs.Stderr || r.Time != 1762516801e9 {
				t.Errorf("%s: got %q %v %d torn %d, %v", torn[:cut]+whole, r.Text, r.Stream, r.Time, lost, err)
			}
		}
	}
}

// TestLongAttrs takes time in proportion to its length: it would not end in time otherwise.
func TestLongAttrs(t *testing.T) {
	value := `"` + strings.Repeat(`\n`, 2<<20) + `"`
	if !isAttrs([]byte(`{"pem":` + value + `}`)) {
		t.Error("refused")
	}
}

func TestIsAttrs(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: true, `{"a":"b"}`: true, `{"a":"b","c":"\\"}`: true, `{"a":"\"}"}`: true, `{"":""}`: true,
		``: false, `{`: false, `}`: false, `{"a"}`: false, `{"a":}`: false, `{"a":"b"`: false, `{"a":"b",}`: false, `{"a":"b"}}`: false,
		`{"a":"b\"}`: false, `{"a":"b"}{}`: false, `{"a":"b"{}`: false, `{"a":1}`: false, `{"a\`: false, `{"a":"\`: false,
	} {
		if isAttrs([]byte(text)) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}
