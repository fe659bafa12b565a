package rehearsal

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/dataroot"
)

// read reads a file as it is, compressed, and a byte at a time.
func read(t *testing.T, content string) (lines []string, found Found) {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i, from := range []io.Reader{strings.NewReader(content), &packed, iotest.OneByteReader(strings.NewReader(content))} {
		var got []string
		is, err := Read(t.Context(), Source{From: from, Stream: logs.Stderr, Begin: time.Unix(0, begin)}, func(l Line) {
			got = append(got, fmt.Sprintf("%d %s %s", (l.Time-begin)/1e6, l.Stream, l.Text))
		})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && (!slices.Equal(got, lines) || is != found) {
			t.Errorf("way %d: got %q (%+v), want %q (%+v)", i, got, is, lines, found)
		}
		lines, found = got, is
	}
	return lines, found
}

func TestRead(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, begin+int64(ms)*1e6) }
	record, frame := dataroot.JSON, dataroot.Frame
	part := `{"log":"part ","stream":"stdout","time":"` + at(7).UTC().Format(time.RFC3339Nano) + `"}` + "\n"
	for _, c := range []struct {
		name, content string
		format        Format
		corrupt       int
		want          []string
	}{
		{"empty", "", Plain, 0, nil},
		{"plain", "a\n\nb\r\nlast", Plain, 0, []string{"0 stderr a", "1 stderr ", "2 stderr b\r", "3 stderr last"}},
		{"JSON lines", `{"a":1}` + "\n" + `{"log":"x"}`, Plain, 0, []string{`0 stderr {"a":1}`, `1 stderr {"log":"x"}`}},
		{"zeros", "\x00\x00\n", Plain, 0, []string{"0 stderr \x00\x00"}},
		{"json-file", record(at(5), "a") + part + "torn\n" + record(at(9), "b") + `{"log":"c`, JSONFile, 2, []string{"5 stdout a", "7 stdout part ", "9 stdout b"}},
		{"local", frame(at(3), "a") + frame(at(4), "b"), Local, 0, []string{"3 stdout a", "4 stdout b"}},
		{"local with a hole", frame(at(3), "a") + "\x00\x00\x00junk" + frame(at(4), "b") + "\x00\x00", Local, 2, []string{"3 stdout a", "4 stdout b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, found := read(t, c.content)
			if !slices.Equal(lines, c.want) || found.Format != c.format || found.Corrupt != c.corrupt {
				t.Errorf("got %q, %+v", lines, found)
			}
		})
	}
}

// TestReadAtOnce: of a pipe a line is passed on when it comes, and Ctrl-C ends the reading.
func TestReadAtOnce(t *testing.T) {
	in, out := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan string)
	done := make(chan error)
	go func() {
		_, err := Read(ctx, Source{From: in, Begin: time.Now()}, func(l Line) { lines <- string(l.Text) })
		done <- err
	}()
	for _, text := range []string{"first", `{"second":1}`} {
		if _, err := io.WriteString(out, text+"\n"); err != nil {
			t.Fatal(err)
		}
		if got := <-lines; got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	cancel()
	go func() { _, _ = io.WriteString(out, "third\n") }()
	select {
	case <-lines:
		<-done
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	_ = in.Close()
}

// TestReadLongLine: a line without an end takes no more than its limit.
func TestReadLongLine(t *testing.T) {
	var sizes []int
	_, err := Read(t.Context(), Source{From: io.MultiReader(strings.NewReader(strings.Repeat("x", 9<<20)), strings.NewReader("\nb")), Begin: time.Now(), MaxLine: 1 << 10}, func(l Line) { sizes = append(sizes, len(l.Text)) })
	if err != nil || len(sizes) != 2 || sizes[0] > 1<<10 || sizes[1] != 1 {
		t.Errorf("sizes %v, %v", sizes, err)
	}
}

// FuzzRead: no file makes it panic, or end with an error other than that it cannot be
// unpacked.
func FuzzRead(f *testing.F) {
	at := time.Unix(0, begin)
	f.Add([]byte("a\nb"))
	f.Add([]byte(dataroot.JSON(at, "a") + "x\n"))
	f.Add([]byte(dataroot.Frame(at, "a") + "\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		lines := 0
		_, err := Read(t.Context(), Source{From: bytes.NewReader(content), Begin: at}, func(Line) { lines++ })
		if err != nil && !bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
			t.Errorf("%q: %v", content, err)
		}
		if lines > len(content)+1 {
			t.Errorf("%d lines of %d bytes", lines, len(content))
		}
	})
}

func TestLast(t *testing.T) {
	l := NewLast(3)
	text := []byte("0")
	for i := range 10 {
		text[0] = byte('0' + i)
		l.Add(Line{Text: text})
	}
	var got string
	if cut := l.Each(func(line Line) { got += string(line.Text) }); cut || got != "789" {
		t.Errorf("got %q", got)
	}
	l = NewLast(1000)
	for range 20 {
		l.Add(Line{Text: make([]byte, maxKept/10)})
	}
	n := 0
	if cut := l.Each(func(Line) { n++ }); !cut || n != 10 {
		t.Errorf("%d are kept, cut %v", n, cut)
	}
}
