package tail

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// rotor is an engine that has little room: files of two or three parts, all of them alike
// where they are of one line. It shares no code with the other models.
type rotor struct {
	t        *testing.T
	live     string
	file     *os.File
	size     int
	maxSize  int
	maxFile  int
	compress bool
	now      time.Time
	number   int
	// rest are the parts of the line being written that are still to come.
	rest []string
	// want is every line by its time.
	want map[int64]string
	// after is called when a file was rotated.
	after func()
	// files is how many there were, and rotated how many there are beside the live one.
	files, rotated int
}

func newRotor(t *testing.T, maxSize, maxFile int, compress bool) *rotor {
	r := &rotor{t: t, live: filepath.Join(t.TempDir(), "abc-json.log"), maxSize: maxSize, maxFile: maxFile, compress: compress,
		now: time.Unix(1_700_000_000, 0).UTC(), want: map[int64]string{}}
	r.open(os.O_APPEND)
	t.Cleanup(func() { _ = r.file.Close() })
	return r
}

func (r *rotor) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rotor) open(flag int) {
	f, err := os.OpenFile(r.live, os.O_WRONLY|os.O_CREATE|flag, 0o640)
	r.must(err)
	r.file, r.size = f, 0
	r.files++
}

// write writes one record: a part of a line of 100 to 120 KB, or a whole one.
func (r *rotor) write(rng *rand.Rand, long int) {
	if len(r.rest) == 0 {
		r.number++
		r.now = r.now.Add(time.Duration(1+rng.IntN(1000)) * time.Microsecond)
		text := fmt.Sprintf("line %d\n", r.number)
		if rng.IntN(4) < long {
			text = string(bytes.Repeat([]byte{'x'}, 100_000+rng.IntN(20_000))) + text
		}
		r.want[r.now.UnixNano()] = text[:len(text)-1]
		for len(text) > logs.PartSize {
			r.rest, text = append(r.rest, text[:logs.PartSize]), text[logs.PartSize:]
		}
		r.rest = append(r.rest, text)
	}
	if r.size >= r.maxSize {
		r.rotate()
	}
	text := r.rest[0]
	r.rest = r.rest[1:]
	end := ""
	if text[len(text)-1] == '\n' {
		text, end = text[:len(text)-1], `\n`
	}
	n, err := fmt.Fprintf(r.file, `{"log":"%s%s","stream":"stdout","time":"%s"}`+"\n", text, end, r.now.Format(time.RFC3339Nano))
	r.must(err)
	r.size += n
}

func (r *rotor) rotate() {
	r.must(r.file.Close())
	ext := ""
	if r.compress {
		ext = ".gz"
	}
	name := func(n int) string { return fmt.Sprintf("%s.%d%s", r.live, n, ext) }
	if r.rotated == r.maxFile-1 {
		r.must(os.Remove(name(r.rotated)))
		r.rotated--
	}
	for n := r.rotated; n >= 1; n-- {
		r.must(os.Rename(name(n), name(n+1)))
	}
	r.must(os.Rename(r.live, r.live+".1"))
	r.rotated++
	r.open(os.O_TRUNC)
	if r.compress {
		raw, err := os.ReadFile(r.live + ".1")
		r.must(err)
		f, err := os.Create(r.live + ".1.gz")
		r.must(err)
		w, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
		r.must(err)
		w.Extra = fmt.Appendf(nil, `{"lastTime":%q}`, r.now.Format(time.RFC3339Nano))
		_, err = w.Write(raw)
		r.must(errors.Join(err, w.Close(), f.Close(), os.Remove(r.live+".1")))
	}
	if r.after != nil {
		r.after()
	}
}

// arrivals are what a log has passed on, by time.
type arrivals struct {
	t    *testing.T
	want map[int64]string
	got  map[int64]string
}

func (a *arrivals) emit(e logs.Entry) {
	text, ok := a.want[e.Time]
	if !ok || text != string(e.Line) {
		a.t.Errorf("%d has another text: %d bytes instead of %d", e.Time, len(e.Line), len(text))
	}
	a.got[e.Time] = string(e.Line)
}

func (a *arrivals) check() {
	a.t.Helper()
	lost := 0
	for at := range a.want {
		if _, ok := a.got[at]; !ok {
			lost++
		}
	}
	if lost > 0 {
		a.t.Errorf("%d of %d lines are lost", lost, len(a.want))
	}
}

// playAlike reads a log that is rotated under it. late is how many rotations in a
// hundred are not seen at once, restarts how many steps are a new start, from any
// position saved since the last but two.
func playAlike(t *testing.T, seed uint64, maxFile int, compress, held bool, late, restarts int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	eng := newRotor(t, 20_000, maxFile, compress)
	in := &arrivals{t, eng.want, map[int64]string{}}
	k := newKeeper(t, 0, held)
	open := func(from logs.Position) *Log {
		l, err := Open(Config{Path: eng.live, Box: k.Box(id(1)), Resume: from, Events: &counter{}})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open(logs.Position{})
	defer func() { l.Close() }()
	running := true
	since := 0 // rotations that were not seen
	eng.after = func() {
		if running && since < maxFile-2 && rng.IntN(100) < late {
			since++
			return
		}
		if running {
			eng.must(l.Capture())
			since = 0
		}
	}
	buf := NewBuffer()
	read := func(n int) {
		for range n {
			_, err := l.Read(buf, in.emit)
			eng.must(err)
		}
	}
	type save struct {
		at            logs.Position
		files, needed int
	}
	saved := []save{{files: eng.files}}
	for range 400 {
		switch n := rng.IntN(100); {
		case n < restarts:
			l.Close()
			k.restart(0)
			running = false
			for range rng.IntN(4) {
				eng.write(rng, 2)
			}
			running, since = true, 0
			from := saved[max(0, len(saved)-1-rng.IntN(3))]
			if !held && eng.files-from.files > maxFile-4 {
				from = saved[len(saved)-1]
			}
			l = open(from.at)
			for i := range saved {
				saved[i].needed = 0
			}
		case n < 40:
			eng.write(rng, 3)
		case n < 80:
			read(1 + rng.IntN(4))
		default:
			saved = append(saved, save{l.Position(), eng.files, l.Needed()})
			// An older position must find what it speaks of.
			if release := l.Delivered(saved[max(0, len(saved)-3)].needed); release != nil {
				release()
			}
		}
		if !held && eng.files-saved[len(saved)-1].files > maxFile-8 {
			for range 1000 {
				read(1)
			}
			saved = append(saved, save{l.Position(), eng.files, l.Needed()})
		}
		if t.Failed() {
			break
		}
	}
	for len(eng.rest) > 0 {
		eng.write(rng, 3)
	}
	for range 10_000 {
		p, err := l.Read(buf, in.emit)
		eng.must(err)
		if p.More {
			continue
		}
		if end, err := l.AtEnd(); err == nil && end {
			break
		}
	}
	in.check()
}

func TestV1FilesThatBeginAlike(t *testing.T) {
	t.Parallel()
	seeds := rounds(5, 1)
	if text := os.Getenv("LIGHTERMAN_ALIKE"); text != "" {
		var err error
		if seeds, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	for _, compress := range []bool{false, true} {
		for _, held := range []bool{false, true} {
			for seed := range seeds {
				name := fmt.Sprintf("compress=%v,held=%v,%d", compress, held, seed)
				for kind, of := range map[string]struct{ late, restarts int }{"seen": {0, 0}, "late": {80, 0}, "restarted": {40, 4}} {
					t.Run(kind+"/"+name, func(t *testing.T) {
						t.Parallel()
						playAlike(t, seed, 40, compress, held, of.late, of.restarts)
					})
				}
			}
		}
	}
}
