package floor

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/lighterman/lighterman/bench/line"
	"github.com/lighterman/lighterman/bench/loggen"
)

func backlog(t testing.TB, bytes int64) []string {
	t.Helper()
	l, err := loggen.Create(t.TempDir(), 2, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Backlog(make(line.Ledger), 1, bytes, time.Now()); err != nil {
		t.Fatal(err)
	}
	return []string{l.Log(0), l.Log(1)}
}

func TestWorkIsDone(t *testing.T) {
	files := backlog(t, 3<<20)
	var want Sum
	var text []byte
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want.Bytes += int64(len(content))
		for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
			var record struct {
				Log  string
				Time time.Time
			}
			if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
				t.Fatal(err)
			}
			want.Lines++
			want.Text += int64(len(record.Log) - 1)
			want.Times += record.Time.UnixNano()
			text = append(text, record.Log[:len(record.Log)-1]...)
		}
	}
	w := New()
	for _, stage := range []Stage{Read, Split, Extract, Snappy} {
		got, err := w.Run(files, stage)
		if err != nil {
			t.Fatal(err)
		}
		expect := want
		if stage < Extract {
			expect.Text, expect.Times = 0, 0
		}
		if stage < Split {
			expect.Lines = 0
		}
		if stage == Snappy && (got.Packed < got.Text/10 || got.Packed > got.Text/2) {
			t.Errorf("%d bytes of text became %d", got.Text, got.Packed)
		}
		if got.Packed = 0; got != expect {
			t.Errorf("%v: %+v, want %+v", stage, got, expect)
		}
	}
	checkTexts(t, w, files[0], text)
}

// checkTexts compares what extract makes of the beginning of a file with its text.
func checkTexts(t *testing.T, w *Worker, path string, text []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for len(content) > 0 {
		w.request = w.request[:0]
		end := bytes.IndexByte(content, '\n') + 1
		if taken, ok := w.extract(content[:end]); !ok || taken != end {
			t.Fatalf("%d of %d bytes taken, %t", taken, end, ok)
		}
		got := w.request[stampSize:]
		if !bytes.HasPrefix(text, got) {
			t.Fatalf("text %q\nwant %.300q", got, text)
		}
		text, content = text[len(got):], content[end:]
	}
}

func TestUnescape(t *testing.T) {
	dst := make([]byte, 256)
	for in, want := range map[string]string{
		`\n"`: "", `a\n"`: "a", `abcdefgh\n"`: "abcdefgh", `\"q\" \\ \r\u0009\u003c\u2028\ufffd é\n"`: "\"q\" \\ \r\t<\u2028\ufffd é",
		`no line feed"`: "no line feed", `12345678"`: "12345678", `1234567\\"`: `1234567\`,
	} {
		n, used, ok := unescape(dst, []byte(in+`,"stream":"s`))
		if !ok || string(dst[:n]) != want || used != len(in) {
			t.Errorf("%s: %q, %d used, %t", in, dst[:n], used, ok)
		}
	}
	for _, cut := range []string{"", "abc", `abcdefgh`, `abcdefg\`, `abcdefg\u00`} {
		if _, _, ok := unescape(dst, []byte(cut)); ok {
			t.Errorf("%q has an end", cut)
		}
	}
}

func TestClock(t *testing.T) {
	var c clock
	for _, at := range []string{
		"2025-11-07T12:00:00Z", "2025-11-07T12:00:59.1Z", "2025-11-07T12:00:59.12345678Z", "2025-11-07T12:00:59.123456789Z",
		"2025-11-07T12:01:00.000000001Z", "1999-12-31T23:59:59.1234567Z",
	} {
		want, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		text := `,"stream":"stdout","time":"` + at + "\"}\n"
		nano, size, ok := c.tail([]byte(text + `{"log":"the next line`))
		if !ok || nano != want.UnixNano() || size != len(text) {
			t.Errorf("%s: %d, size %d, %t", at, nano, size, ok)
		}
		if nano, size, ok = c.tail([]byte(text)); !ok || nano != want.UnixNano() || size != len(text) {
			t.Errorf("%s at the end: %d, size %d, %t", at, nano, size, ok)
		}
		if _, size, ok = c.tail([]byte(text[:len(text)-1])); size != 0 || !ok {
			t.Errorf("%s cut short: size %d, %t", at, size, ok)
		}
	}
}

func BenchmarkFloor(b *testing.B) {
	files := backlog(b, 64<<20)
	for _, stage := range []Stage{Read, Split, Extract, Snappy} {
		b.Run(stage.String(), func(b *testing.B) {
			w := New()
			b.SetBytes(64 << 20)
			for b.Loop() {
				if _, err := w.Run(files, stage); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
