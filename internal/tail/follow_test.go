package tail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// operator is what somebody other than the engine does to a log.
type operator struct {
	name string
	do   func(w *writer)
	// what is what is said of it, while the engine has not made another file.
	what error
	// link is set when nothing of what the engine writes on is left to be read once
	// lighterman was stopped, but for hold-dir.
	link bool
}

// emptied makes an empty file with the log's name.
func emptied(w *writer) { w.must(os.WriteFile(w.live, nil, 0o640)) }

func (w *writer) moved(to string) {
	w.must(os.MkdirAll(filepath.Dir(to), 0o700))
	w.must(os.Rename(w.live, to))
}

// edited is sed -i: another file with about the same content gets the name.
func (w *writer) edited(change func([]byte) []byte) {
	content, err := os.ReadFile(w.live)
	w.must(err)
	w.must(os.WriteFile(w.live+"sedXYZ", change(content), 0o640))
	// Where one is made at the tick at which the other goes it may have been made after it,
	// and rotation is taken for the cause.
	time.Sleep(tick)
	w.must(os.Rename(w.live+"sedXYZ", w.live))
}

var operators = []operator{
	{"mv X.1", func(w *writer) { w.moved(w.live + ".1") }, errRenamed, false},
	{"mv X.1, empty", func(w *writer) { w.moved(w.live + ".1"); emptied(w) }, errRenamed, false},
	{"mv dated", func(w *writer) { w.moved(w.live + "-20261128") }, errRenamed, false},
	{"mv dated, empty", func(w *writer) { w.moved(w.live + "-20261128"); emptied(w) }, errRenamed, false},
	{"mv elsewhere", func(w *writer) { w.moved(filepath.Join(filepath.Dir(w.live), "old", "x")) }, errRenamed, true},
	{"mv elsewhere, empty", func(w *writer) { w.moved(filepath.Join(filepath.Dir(w.live), "old", "x")); emptied(w) }, errRenamed, true},
	{"logrotate compress", func(w *writer) {
		content, err := os.ReadFile(w.live)
		w.must(err)
		w.must(os.Remove(w.live))
		w.must(os.WriteFile(w.live+".1.gz", compressed(w.t, content), 0o640))
		emptied(w)
	}, errDeleted, true},
	{"logrotate twice", func(w *writer) {
		w.moved(w.live + ".1")
		emptied(w)
		w.must(os.Rename(w.live+".1", w.live+".2"))
		w.moved(w.live + ".1")
		emptied(w)
	}, errRenamed, false},
	{"rm", func(w *writer) { w.must(os.Remove(w.live)) }, errDeleted, true},
	{"rm, empty", func(w *writer) { w.must(os.Remove(w.live)); emptied(w) }, errDeleted, true},
	{"sed -i", func(w *writer) {
		w.edited(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("line 3"), []byte("hidden")) })
	}, errReplaced, true},
	{"sed -i 1,2d", func(w *writer) {
		w.edited(func(b []byte) []byte { return bytes.Join(bytes.SplitAfterN(b, []byte("\n"), 3)[2:], nil) })
	}, errReplaced, true},
	{"cp -p back", func(w *writer) {
		content, err := os.ReadFile(w.live)
		w.must(err)
		w.moved(w.live + ".bak")
		w.must(os.WriteFile(w.live, content, 0o640))
	}, errReplaced, false},
}

// TestD5RenamedLog and TestV2HeldWhileAway have all that an operator may do to a log that
// has rotated or not, while lighterman runs or does not; then what the engine writes on to
// its file, what a restarted container writes to the one that is at the path then, and
// rotation. All of it comes once and in order.
func TestD5RenamedLog(t *testing.T) { matrix(t, false) }

func TestV2HeldWhileAway(t *testing.T) { matrix(t, true) }

func matrix(t *testing.T, away bool) {
	for _, o := range operators {
		for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
			if format == logs.Frames && o.name == "sed -i 1,2d" {
				continue // of lines
			}
			for _, rotated := range []int{0, 1, 3} {
				for _, compress := range []bool{false, true} {
					for _, linked := range []bool{true, false} {
						if !linked && away && o.link || compress && rotated == 0 {
							continue
						}
						t.Run(fmt.Sprintf("%s/format %d/rotated %d/compress %v/linked %v", o.name, format, rotated, compress, linked), func(t *testing.T) {
							operate(t, o, away, format, rotated, compress, linked)
						})
					}
				}
			}
		}
	}
}

func operate(t *testing.T, o operator, away bool, format logs.FileFormat, rotated int, compress, linked bool) {
	k := newKeeper(t, 0, linked)
	k.format = format
	w := newWriter(t)
	w.format, w.compress = format, compress
	next := 1
	write := func(n int) {
		w.number(next, next+n-1)
		next += n
	}
	write(5)
	r := k.reader(w.live, 1, logs.Position{})
	r.drain()
	for range rotated {
		w.rotate()
		write(5)
		r.drain()
	}
	r.deliver()
	gaps := 0
	again := func() {
		gaps += r.events.away
		at := r.saved()
		lines := r.lines
		r.log.Close()
		k.restart(0)
		r = k.reader(w.live, 1, at)
		r.lines = lines
	}
	write(3)
	step := func() { r.drain() }
	if away {
		at := r.saved()
		lines := r.lines
		r.log.Close()
		write(2)
		o.do(w)
		write(2)
		k.restart(0)
		r = k.reader(w.live, 1, at)
		r.lines = lines
	} else {
		step()
		write(2)
		o.do(w)
	}
	step()
	expect(t, r.lines, want(1, next-1))
	for range 3 {
		write(2)
		step()
		expect(t, r.lines, want(1, next-1))
	}
	r.log.stray.looked = time.Time{}
	step()
	r.log.stray.since = time.Now().Add(-time.Hour)
	if r.log.Stray(time.Now()) != nil {
		t.Error("said of a container that was started since")
	}
	if stray := r.log.Stray(time.Time{}); stray != o.what && (!away || stray != errMissing) {
		t.Errorf("said: %v", stray)
	}
	if !r.log.OffPath() {
		t.Error("it would sleep with its watch on another file")
	}
	if linked {
		again()
		write(2)
		step()
		expect(t, r.lines, want(1, next-1))
	}
	// The container restarts: the engine opens what has the name.
	w.must(w.file.Close())
	w.reopen(os.O_APPEND)
	write(3)
	step()
	expect(t, r.lines, want(1, next-1))
	w.rotate()
	write(3)
	step()
	r.deliver()
	expect(t, r.lines, want(1, next-1))
	r.log.stray.looked = time.Time{}
	step()
	if stray := r.log.stray.what; stray != nil {
		t.Errorf("still said: %v", stray)
	}
	if linked {
		again()
		write(2)
		step()
		expect(t, r.lines, want(1, next-1))
		if links := k.links(1); len(links) != 1 {
			t.Errorf("links are left: %s", strings.Join(links, " "))
		}
	}
	// Of a log that was deleted while nobody looked nobody knows whether that was rotation.
	unknown := o.what == errDeleted && (away || o.name == "logrotate compress")
	if gaps += r.events.away; gaps > 0 && !unknown {
		t.Errorf("said %d times that files are gone", gaps)
	}
}

// TestD5RotationWithoutLiveFile: the engine rotates although its live file was taken
// away. What it had rotated before is not read again under its new number.
// counting counts what is read of a file at places.
type counting struct {
	*os.File
	read int
}

func (c *counting) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.File.ReadAt(p, at)
	c.read += n
	return n, err
}

// TestD5LongSearchInTurns: when the clock was set back an old file is searched for what the
// next one begins with. However large it is, one turn reads a part of it, and nothing is
// lost, be the next file the engine's own or a copy on which the engine writes.
func TestD5LongSearchInTurns(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(w *writer){
		"clock": func(w *writer) { w.rotate(); w.now -= 1e12 },
		"copy": func(w *writer) {
			w.edited(func(b []byte) []byte { return b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:] })
			w.must(w.file.Close())
			w.reopen(os.O_APPEND)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t)
			for range 3 * searchStep / logs.PartSize {
				w.line(logs.Stdout, fullPart+"\n")
			}
			r := openReader(t, w.live, logs.Position{})
			r.drain()
			old := &counting{File: r.log.files[0].file}
			r.log.files[0].data = old
			r.lines = nil
			next(w)
			w.line(logs.Stdout, "next\n")
			w.must(r.log.Capture())
			turns := 0
			for end := false; !end; turns++ {
				before := old.read
				more := r.step()
				if n := old.read - before; n > searchStep+maxRecord {
					t.Fatalf("one turn has read %d bytes of the old file", n)
				}
				if !more {
					var err error
					end, err = r.log.AtEnd()
					w.must(err)
				}
			}
			if turns < 3 || len(r.lines) == 0 || !strings.HasSuffix(r.lines[len(r.lines)-1], " next") {
				t.Errorf("%d turns, %.200q", turns, r.lines)
			}
		})
	}
}

func TestD5RotationWithoutLiveFile(t *testing.T) {
	for _, away := range []bool{false, true} {
		for _, rotations := range []int{1, 2} {
			for _, o := range operators {
				t.Run(fmt.Sprintf("%s/away %v/%d", o.name, away, rotations), func(t *testing.T) {
					k := newKeeper(t, 0, true)
					w := newWriter(t)
					w.number(1, 5)
					r := k.reader(w.live, 1, logs.Position{})
					r.drain()
					w.rotate()
					w.number(6, 10)
					r.drain()
					r.deliver()
					at, lines := r.saved(), r.lines
					if away {
						r.log.Close()
					}
					o.do(w)
					w.number(11, 15)
					for i := range rotations {
						if !away {
							r.drain()
						}
						// As the engine does, which passes over names that are not there.
						w.must(w.file.Close())
						for n := 3; n > 0; n-- {
							_ = os.Rename(fmt.Sprint(w.live, ".", n), fmt.Sprint(w.live, ".", n+1))
						}
						_ = os.Rename(w.live, w.live+".1")
						w.reopen(os.O_TRUNC)
						w.number(16+5*i, 20+5*i)
					}
					if away {
						k.restart(0)
						r = k.reader(w.live, 1, at)
						r.lines = lines
					}
					r.drain()
					expect(t, r.lines, want(1, 15+5*rotations))
					w.rotate()
					w.number(16+5*rotations, 25+5*rotations)
					r.drain()
					expect(t, r.lines, want(1, 25+5*rotations))
				})
			}
		}
	}
}
