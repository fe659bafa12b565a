package tail

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// writer writes and rotates as Docker's json-file driver does, or the local one, step
// by step.
type writer struct {
	t        testing.TB
	live     string
	file     *os.File
	now      int64
	maxFiles int
	compress bool
	format   logs.FileFormat
	parts    parts
	// ends are the ends of records, where a test notes them.
	ends []int
}

func newWriter(t testing.TB) *writer { return newWriterIn(t, t.TempDir()) }

func newWriterIn(t testing.TB, dir string) *writer {
	w := &writer{t: t, live: filepath.Join(dir, "abc-json.log"), now: 1_700_000_000_000_000_000, maxFiles: 4}
	w.reopen(os.O_APPEND)
	t.Cleanup(func() { _ = w.file.Close() })
	return w
}

func (w *writer) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) reopen(flag int) {
	f, err := os.OpenFile(w.live, os.O_WRONLY|os.O_CREATE|flag, 0o640)
	w.must(err)
	w.file = f
}

// line writes one record, a nanosecond after the one before.
func (w *writer) line(stream logs.Stream, text string) {
	w.now++
	w.part(stream, text)
}

// part writes a record with the timestamp of the one before.
func (w *writer) part(stream logs.Stream, text string) {
	w.record(w.now, stream, text)
}

func (w *writer) record(at int64, stream logs.Stream, text string) {
	w.t.Helper()
	if w.format == logs.Frames {
		_, err := w.file.Write(w.parts.frame(at, stream, text))
		w.must(err)
		return
	}
	w.must(writeRecord(w.file, at, stream, text))
}

func writeRecord(f io.Writer, at int64, stream logs.Stream, text string) error {
	quoted, err := json.Marshal(text)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, `{"log":%s,"stream":"%s","time":"%s"}`+"\n",
		quoted, stream, time.Unix(0, at).UTC().Format(time.RFC3339Nano))
	return err
}

func (w *writer) name(i int) string {
	if w.compress {
		return fmt.Sprintf("%s.%d.gz", w.live, i)
	}
	return fmt.Sprintf("%s.%d", w.live, i)
}

// rotate does what the engine does when the file is full.
func (w *writer) rotate() {
	if info, err := w.file.Stat(); err != nil || info.Size() == 0 {
		return // an empty file is never full
	}
	w.must(w.file.Close())
	if w.maxFiles == 1 {
		w.must(os.Remove(w.live))
		w.reopen(os.O_TRUNC)
		return
	}
	_ = os.Remove(w.name(w.maxFiles - 1))
	for i := w.maxFiles - 1; i > 1; i-- {
		if _, err := os.Stat(w.name(i - 1)); err == nil {
			w.must(os.Rename(w.name(i-1), w.name(i)))
		}
	}
	w.must(os.Rename(w.live, w.live+".1"))
	w.reopen(os.O_TRUNC)
	if w.compress {
		w.gzip()
	}
}

func (w *writer) gzip() {
	content, err := os.ReadFile(w.live + ".1")
	w.must(err)
	w.must(os.WriteFile(w.live+".1.gz", compressed(w.t, content), 0o640))
	w.must(os.Remove(w.live + ".1"))
}

func compressed(t testing.TB, content []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// counter is an Events that counts.
type counter struct {
	corrupt, cut, leftOut, skipped, found, unsure, away, truncated int
	lost                                                           int64
}

func (c *counter) RotatedAway()      { c.away++ }
func (c *counter) Unsure()           { c.unsure++ }
func (c *counter) CorruptRecord()    { c.corrupt++ }
func (c *counter) LineCut()          { c.cut++ }
func (c *counter) LeftOut(bytes int) { c.leftOut += bytes }

func (c *counter) LineSkipped(string) { c.skipped++ }
func (c *counter) Truncated(found bool, lost int64) {
	c.lost += lost
	if c.truncated++; found {
		c.found++
	}
}

// reader collects what a Log passes on.
type reader struct {
	t      testing.TB
	log    *Log
	buf    *Buffer
	events counter
	lines  []string
}

func openReader(t testing.TB, live string, from logs.Position) *reader {
	t.Helper()
	return openFormat(t, live, logs.JSONLines, from)
}

func openFormat(t testing.TB, live string, format logs.FileFormat, from logs.Position) *reader {
	t.Helper()
	return openConfig(t, Config{Path: live, Format: format, Resume: from})
}

func openConfig(t testing.TB, config Config) *reader {
	t.Helper()
	r := &reader{t: t, buf: NewBuffer()}
	config.Events = &r.events
	l, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	r.log = l
	t.Cleanup(l.Close)
	return r
}

func (r *reader) emit(e logs.Entry) {
	r.lines = append(r.lines, fmt.Sprintf("%d %s %s", e.Time, e.Stream, e.Line))
}

func (r *reader) step() bool {
	r.t.Helper()
	p, err := r.log.Read(r.buf, r.emit)
	if err != nil {
		r.t.Fatal(err)
	}
	return p.More
}

func (r *reader) drain() []string {
	r.t.Helper()
	for {
		if r.step() {
			continue
		}
		end, err := r.log.AtEnd()
		if err != nil {
			r.t.Fatal(err)
		}
		if end {
			return r.lines
		}
	}
}

// saved is the position after a trip through the state file.
func (r *reader) saved() logs.Position {
	raw, err := json.Marshal(r.log.Position())
	if err != nil {
		r.t.Fatal(err)
	}
	var p logs.Position
	if err := json.Unmarshal(raw, &p); err != nil {
		r.t.Fatal(err)
	}
	return p
}
