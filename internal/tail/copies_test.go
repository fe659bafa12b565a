package tail

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/logs"
)

// copyAway does what logrotate's copytruncate does: a copy by some name, compressed or
// not, and then the log is emptied.
func (w *writer) copyAway(name string, compress bool) {
	content := w.content()
	path := filepath.Join(filepath.Dir(w.live), name)
	if compress {
		content = compressed(w.t, content)
	}
	w.must(os.WriteFile(path, content, 0o640))
	w.must(os.Truncate(w.live, 0))
}

// TestD4Copytruncate: what was not read when a log was truncated is read from the copy,
// whatever its name, while running and after a restart, also where the engine writes on
// behind a hole; and once.
func TestD4Copytruncate(t *testing.T) {
	t.Parallel()
	for _, of := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, c := range []struct {
			name     string
			compress bool
		}{{"abc-json.log.1", false}, {"abc-json.log-20261128", false}, {"abc-json.log.1.gz", true}, {"abc-json.log-20261128.gz", true}, {"other", false}, {"abc-json.log.1.done", true}, {"plain.gz", false}} {
			for _, restart := range []bool{false, true} {
				for _, hole := range []bool{false, true} {
					t.Run(fmt.Sprint(of, c, restart, hole), func(t *testing.T) { copytruncate(t, of, c.name, c.compress, restart, hole) })
				}
			}
		}
	}
}

func copytruncate(t *testing.T, of logs.FileFormat, name string, compress, restart, hole bool) {
	w := newWriter(t)
	w.format = of
	first := 1
	if hole {
		w.must(w.file.Close())
		w.reopen(os.O_TRUNC) // as after the engine's first rotation
	}
	w.number(1, 10)
	r := openFormat(t, w.live, of, logs.Position{})
	r.drain()
	w.number(11, 20) // not read
	at := r.saved()
	if restart {
		r.log.Close()
	}
	w.copyAway(name, compress)
	w.number(21, 30)
	if restart {
		r = openFormat(t, w.live, of, at)
		first = 11
	}
	expect(t, r.drain(), want(first, 30))
	if r.events.corrupt > 0 || r.events.lost > 0 || r.events.found > 1 {
		t.Errorf("%+v", r.events)
	}
	at = r.saved()
	if _, err := w.file.Seek(0, io.SeekCurrent); err != nil {
		t.Fatal(err)
	}
	w.number(31, 40)
	expect(t, openFormat(t, w.live, of, at).drain(), want(31, 40))
	// The engine rotates, and the copy lies among its files.
	w.rotate()
	w.must(r.log.Capture())
	w.number(41, 50)
	expect(t, r.drain(), want(first, 50))
}

// TestD4NoCopy: what is lost is counted.
func TestD4NoCopy(t *testing.T) {
	w := newWriter(t)
	w.number(1, 10)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	before := len(w.content())
	w.number(11, 20)
	lost := int64(len(w.content()) - before)
	if r.log.Lag() != lost {
		t.Fatal("no lag")
	}
	w.must(os.Truncate(w.live, 0))
	w.number(21, 30)
	expect(t, r.drain(), append(want(1, 10), want(21, 30)...))
	if r.events.lost != lost || r.events.found != 0 {
		t.Errorf("%+v, want %d bytes lost", r.events, lost)
	}
}

// TestD4SeveralCopies: the log was copied and emptied more than once while it was not read.
func TestD4SeveralCopies(t *testing.T) {
	w := newWriter(t)
	w.number(1, 10)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	w.number(11, 20)
	w.copyAway("abc-json.log-1", false)
	w.number(21, 30)
	w.copyAway("abc-json.log-2.gz", true)
	w.must(os.Symlink(w.live, filepath.Join(filepath.Dir(w.live), "link")))
	w.number(31, 40)
	expect(t, r.drain(), want(1, 40))
}

// TestD4KeptWhileThereIsNoRoom: a log for which there is no room is truncated again and
// again; its copies are compressed under other names, and deleted, before they are read.
func TestD4KeptWhileThereIsNoRoom(t *testing.T) {
	for _, of := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, read := range []bool{true, false} { // part of it, or nothing
			w := newWriter(t)
			w.format = of
			w.number(1, 10)
			r := openFormat(t, w.live, of, logs.Position{})
			if read {
				r.drain()
			}
			first := 11
			for range 3 {
				w.number(first, first+9)
				r.log.Glance()
				w.copyAway("abc-json.log.1", false)
				w.number(first+10, first+10)
				r.log.Glance()
				w.must(os.Remove(filepath.Join(filepath.Dir(w.live), "abc-json.log.1")))
				r.log.Glance()
				first += 11
			}
			expect(t, r.drain(), want(1, first-1))
			if r.events.lost > 0 || r.events.found != 3 {
				t.Errorf("%+v", r.events)
			}
		}
	}
}

// TestD4HeldCopiesAreBounded: what is held of copies that were deleted counts as other held
// files do, and is given up as they are.
func TestD4HeldCopiesAreBounded(t *testing.T) {
	w := newWriter(t)
	w.number(1, 10)
	given := int64(0)
	h := hold.New(hold.Config{MaxBytes: 1000})
	r := &reader{t: t, buf: NewBuffer()}
	l, err := Open(Config{Path: w.live, Box: h.Box("abc"), Events: &r.events, GaveUp: func(n int64) { given += n }})
	w.must(err)
	r.log = l
	t.Cleanup(l.Close)
	r.drain()
	w.number(11, 100)
	l.Glance()
	w.copyAway("abc-json.log.1", false)
	w.number(101, 101)
	l.Glance()
	if given != 0 {
		t.Errorf("%d bytes were given up while the copy had a name", given)
	}
	w.must(os.Remove(filepath.Join(filepath.Dir(w.live), "abc-json.log.1")))
	l.Glance()
	if given == 0 {
		t.Error("nothing was given up")
	}
	expect(t, r.drain(), append(want(1, 10), want(101, 101)...))
}

// cut takes so many bytes from the end of the log.
func (w *writer) cut(bytes int) { w.must(os.Truncate(w.live, int64(len(w.content())-bytes))) }

// missing are the lines that were not passed on.
func missing(got, want []string) (out []string) {
	for _, line := range want {
		if !slices.Contains(got, line) {
			out = append(out, line)
		}
	}
	return out
}

// TestD4CopyOfACutLog: a log was cut within its last record, written on, and then copied
// and emptied, all while it was not read. What is in the copy is read, whatever the cut,
// the format and the copy, while running and after a restart; a copy in which there is
// nothing new is left alone.
func TestD4CopyOfACutLog(t *testing.T) {
	t.Parallel()
	for _, of := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, bytes := range []int{1, 5, 8, 60} {
			for _, compress := range []bool{false, true} {
				for _, restart := range []bool{false, true} {
					for _, glance := range []bool{false, true} {
						t.Run(fmt.Sprint(of, bytes, compress, restart, glance), func(t *testing.T) {
							w := newWriter(t)
							w.format = of
							w.number(1, 10)
							r := openFormat(t, w.live, of, logs.Position{})
							r.drain()
							at := r.saved()
							if restart {
								r.log.Close()
							}
							w.must(os.WriteFile(w.live+".bak", w.content(), 0o640))
							w.cut(bytes)
							w.number(11, 50)
							w.copyAway("abc-json.log-20261128", compress)
							w.number(51, 52)
							if restart {
								r = openFormat(t, w.live, of, at)
							}
							if glance {
								r.log.Glance()
							}
							if gone := missing(r.drain(), want(11, 52)); len(gone) > 0 {
								t.Errorf("%d lines are missing, from %q on", len(gone), gone[0])
							}
							if r.events.found != 1 || r.events.lost != 0 {
								t.Errorf("%+v", r.events)
							}
							// Nothing is in the other copy.
							found := r.events.found
							w.must(os.Remove(w.live + ".bak"))
							w.must(os.Truncate(w.live, 0))
							w.number(53, 53)
							if gone := missing(r.drain(), want(53, 53)); len(gone) > 0 || r.events.found != found {
								t.Errorf("%q, %+v", gone, r.events)
							}
						})
					}
				}
			}
		}
	}
}

// TestD4CutBehindAnEmptyLine: a log of which only what is no record was read is cut and
// written to, and may have the very end then that it had: all of that is read.
func TestD4CutBehindAnEmptyLine(t *testing.T) {
	for _, begins := range []string{"\n\n", "\n\n\n", "garbage\n\n", "garbage\nmore\n"} {
		for keep := range len(begins) {
			w := newWriter(t)
			w.number(1, 10)
			r := openReader(t, w.live, logs.Position{})
			r.drain()
			w.fill([]byte(begins))
			r.drain()
			w.must(os.Truncate(w.live, int64(keep)))
			w.number(11, 20)
			if gone := missing(r.drain(), want(11, 20)); keep > 0 && begins[keep-1] == '\n' && len(gone) > 0 || len(gone) > 1 {
				t.Errorf("%q cut to %d: missing are %q", begins, keep, gone)
			}
		}
	}
}

// TestD4EmptiedBeforeItWasCopied: a log was emptied, written to, and only then copied and
// emptied again. The copy begins with nothing that anybody has seen, and is read; what was
// in the log before is told of as lost.
func TestD4EmptiedBeforeItWasCopied(t *testing.T) {
	for _, of := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, begins := range []string{"", "\n"} {
			for _, compress := range []bool{false, true} {
				for _, restart := range []bool{false, true} {
					t.Run(fmt.Sprintf("%d/%q/%v/%v", of, begins, compress, restart), func(t *testing.T) {
						w := newWriter(t)
						w.format = of
						w.number(1, 10)
						w.copyAway("old", false)
						w.number(11, 20)
						r := openFormat(t, w.live, of, logs.Position{})
						expect(t, r.drain(), want(11, 20))
						at := r.saved()
						if restart {
							r.log.Close()
						}
						w.must(os.WriteFile(w.live+".bak", w.content(), 0o640))
						info, err := os.Stat(w.live + ".bak")
						w.must(err)
						// As if in one tick of a coarse clock.
						w.must(os.Chtimes(filepath.Join(filepath.Dir(w.live), "old"), time.Time{}, info.ModTime()))
						for i, copied := range []string{"abc-json.log.one", "abc-json.log.two"} {
							w.fill([]byte(begins))
							w.number(21+10*i, 30+10*i)
							w.copyAway(copied, compress)
						}
						w.number(41, 42)
						first := 11
						if restart {
							r, first = openFormat(t, w.live, of, at), 21
						}
						expect(t, r.drain(), want(first, 42))
						if r.events.truncated != 1 {
							t.Errorf("%+v", r.events)
						}
						at = r.saved()
						expect(t, openFormat(t, w.live, of, at).drain(), nil)
					})
				}
			}
		}
	}
}

// TestD4CopiedAgainBeforeItWasSeen: a log was truncated, and filled, copied and truncated
// once more before anything was seen in it. What is in the second copy is read, once.
func TestD4CopiedAgainBeforeItWasSeen(t *testing.T) {
	for _, of := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		w := newWriter(t)
		w.format = of
		w.number(1, 10)
		r := openFormat(t, w.live, of, logs.Position{})
		r.drain()
		w.number(11, 20)
		w.copyAway("abc-json.log-1", false)
		expect(t, r.drain(), want(1, 20))
		w.number(21, 30)
		w.copyAway("abc-json.log-2.gz", true)
		w.number(31, 33)
		w.copyAway("abc-json.log-3", false)
		w.number(34, 40)
		expect(t, r.drain(), want(1, 40))
		w.number(41, 45)
		expect(t, r.drain(), want(1, 45))
		expect(t, openFormat(t, w.live, of, r.saved()).drain(), nil)
	}
}
