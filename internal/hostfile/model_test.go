package hostfile

import (
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

type events struct {
	h  *host
	id string
}

func (events) LineCut()    {}
func (events) LeftOut(int) {}
func (e events) Truncated(found bool, _ int64) {
	e.h.trace = append(e.h.trace, fmt.Sprintf("%s begins again, copy %t", filepath.Base(e.id), found))
}

// host is a directory with a log, what collects it, and a sink that keeps equal entries once.
type host struct {
	t      *testing.T
	rng    *rand.Rand
	dir    string
	born   time.Time
	store  *checkpoint.Store
	finder *Finder
	open   map[string]*plain.Log
	budget *plain.Budget
	flying []parcel
	shown  map[string]int64
	now    int64

	writer *os.File
	lines  int
	trace  []string
	// step is how far copytruncate has come, shape which it is, and gap the lines that were
	// written between the copy and the truncation: its own loss.
	step, shape int
	gap         map[int]bool
}

type parcel struct {
	id      string
	entries []logs.Entry
	at      logs.Position
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err, h.trace)
	}
}

func (h *host) start() {
	store, err := checkpoint.Open(h.path("state"), quiet)
	h.must(err)
	h.store, h.open, h.flying = store, make(map[string]*plain.Log), nil
	h.budget = &plain.Budget{}
	h.finder = New(Config{
		Open:     h.budget.Has,
		Settle:   1,
		Sections: []Section{{Name: "files[0]", Paths: []string{h.path("*.log")}}}, Store: store, Born: h.born, Log: quiet, Updated: func() {},
	})
}

func (h *host) end() {
	for _, l := range h.open {
		l.Close()
	}
	h.must(h.store.Close())
}

// look brings what is read to what is wanted.
func (h *host) look() (pending bool) {
	pending = h.finder.Look()
	wanted, _ := h.finder.Wanted()
	for id, c := range wanted {
		if l := h.open[id]; l != nil {
			l.Move(c.Path)
			continue
		}
		r, known := h.store.Get(id)
		h.trace = append(h.trace, fmt.Sprintf("open %s at %s: %v, %d spans", filepath.Base(id), filepath.Base(c.Path), r.Position.File.Offsets[0], len(r.Spans)))
		if !known {
			h.store.Commit(id, logs.Position{})
		}
		_, inode, made, _ := plain.ParseID(id)
		h.open[id] = plain.Open(plain.Config{
			Path: c.Path, Inode: inode, Made: made, Resume: r.Position, Spans: r.Spans, MaxLine: 1 << 20, Silence: time.Hour, Events: events{h, id}, Budget: h.budget,
			Foresee:  func(s logs.Span) (int, int64, error) { return h.store.Foresee(id, s) },
			Foreseen: func() (int, int64) { return h.store.Foreseen(id) },
			Copied: func(path string, at logs.Position, first uint64) (int64, bool) {
				return h.finder.Copied(id, path, at, first)
			},
			Now: func() time.Time { h.now += 1000; return time.Unix(0, h.now) },
		})
	}
	for _, id := range h.store.IDs() {
		gone := !h.finder.Exists(id) && !slices.ContainsFunc(h.flying, func(p parcel) bool { return p.id == id })
		if l := h.open[id]; l != nil && (gone || wanted[id] == nil) && !h.read(id) {
			l.Close()
			h.trace = append(h.trace, "leave "+filepath.Base(id))
			delete(h.open, id)
		}
		if gone && h.open[id] == nil {
			h.trace = append(h.trace, "forget "+filepath.Base(id))
			h.finder.Left(id)
			h.store.Forget(id)
		}
	}
	return pending
}

func (h *host) read(id string) (more bool) {
	l := h.open[id]
	p := parcel{id: id}
	progress, err := l.Read(32<<10, func(n int) []byte { return make([]byte, n) }, func(e logs.Entry) {
		e.Line = slices.Clone(e.Line)
		p.entries = append(p.entries, e)
	})
	h.must(err)
	p.at = l.Position()
	if n := len(p.entries); n > 0 {
		h.trace = append(h.trace, fmt.Sprintf("read %s to %d: %.9s@%d-%.9s@%d", filepath.Base(id), p.at.File.Offsets[0], p.entries[0].Line, p.entries[0].Time-1e18, p.entries[n-1].Line, p.entries[n-1].Time-1e18))
	}
	if progress.Bytes > 0 || len(p.entries) > 0 {
		h.flying = append(h.flying, p)
	}
	return progress.More || progress.Bytes > 0
}

func (h *host) answer(committed bool) {
	if len(h.flying) == 0 {
		return
	}
	p := h.flying[0]
	for _, e := range p.entries {
		if at, known := h.shown[string(e.Line)]; known && at != e.Time {
			h.t.Fatalf("%.60q of %s is shown at %d and at %d: %v", e.Line, p.id, at, e.Time, h.trace)
		}
		h.shown[string(e.Line)] = e.Time
	}
	if committed {
		h.flying = h.flying[1:]
		h.store.Commit(p.id, p.at)
	}
}

func (h *host) write() {
	for range 1 + h.rng.IntN(20) {
		_, err := fmt.Fprintf(h.writer, "line %d %s\n", h.lines, strings.Repeat("x", 30+h.rng.IntN(200)))
		h.must(err)
		if h.step == 2 {
			h.gap[h.lines] = true
		}
		h.lines++
	}
}

func (h *host) reopen() {
	if h.writer != nil {
		h.must(h.writer.Close())
	}
	var err error
	h.writer, err = os.OpenFile(h.path("a.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	h.must(err)
}

// shift makes room for a new a.log.1, as logrotate does.
func (h *host) shift() {
	for n := 50; n > 0; n-- {
		for _, end := range []string{"", ".gz"} {
			_ = os.Rename(h.path(fmt.Sprintf("a.log.%d%s", n, end)), h.path(fmt.Sprintf("a.log.%d%s", n+1, end)))
		}
	}
}

func (h *host) compress(name string) {
	text, err := os.ReadFile(h.path(name))
	if err != nil {
		return
	}
	f, err := os.Create(h.path(name + ".gz"))
	h.must(err)
	z := gzip.NewWriter(f)
	_, err = z.Write(text)
	h.must(err)
	h.must(z.Close())
	h.must(f.Close())
	h.must(os.Remove(h.path(name)))
}

// rotate rotates in one of logrotate's shapes, or goes on with that: with copytruncate, the
// copy is made in two steps, the file is truncated, and the copy is compressed, and anything may
// happen in between.
func (h *host) rotate() {
	if h.step == 0 {
		h.shape = h.rng.IntN(5)
	}
	shape := h.shape
	h.trace = append(h.trace, fmt.Sprintf("rotate %d.%d", shape, h.step))
	switch h.step {
	case 0:
		h.shift()
	case 1:
		text, err := os.ReadFile(h.path("a.log"))
		h.must(err)
		h.must(os.WriteFile(h.path("a.log.1"), text, 0o644))
		h.step = 2
		return
	case 2:
		h.must(os.Truncate(h.path("a.log"), 0))
		h.step = 0
		if shape == 4 {
			h.step = 3
		}
		return
	default:
		h.compress("a.log.1")
		h.step = 0
		return
	}
	if shape >= 2 {
		text, err := os.ReadFile(h.path("a.log"))
		h.must(err)
		h.must(os.WriteFile(h.path("a.log.1"), text[:h.rng.IntN(len(text)+1)], 0o644))
		h.step = 1
		return
	}
	h.must(os.Rename(h.path("a.log"), h.path("a.log.1")))
	if h.rng.IntN(2) == 0 {
		h.write() // who has it open hears of it later
	}
	h.reopen()
	if shape == 1 {
		h.compress("a.log.1")
	}
}

// seeds is how many courses of events are played: LIGHTERMAN_ROTATIONS, or some.
func seeds() uint64 {
	n, err := strconv.ParseUint(os.Getenv("LIGHTERMAN_ROTATIONS"), 10, 32)
	if err != nil {
		return 60
	}
	return n
}

// TestRotationModel: whatever rotation does, and whenever the process is killed, each line is
// shown once.
func TestRotationModel(t *testing.T) {
	for seed := range seeds() {
		h := &host{t: t, rng: rand.New(rand.NewPCG(seed, 11)), dir: t.TempDir(), born: time.Now().Add(-time.Hour), shown: make(map[string]int64), gap: make(map[int]bool), now: 1e18}
		h.trace = append(h.trace, fmt.Sprint("seed ", seed))
		h.start()
		h.reopen()
		for range 150 {
			switch h.rng.IntN(15) {
			case 0, 1, 2:
				h.write()
			case 3:
				h.rotate()
			case 4, 5:
				h.trace = append(h.trace, "look")
				h.look()
			case 6, 7, 8, 9:
				for _, id := range slices.Sorted(keys(h.open)) {
					if h.rng.IntN(3) > 0 {
						h.read(id)
					}
				}
			case 10, 11:
				h.answer(h.rng.IntN(3) > 0)
			case 12:
				h.store.Flush()
			case 13:
				if h.step > 0 {
					h.rotate()
				}
			default:
				if h.rng.IntN(2) == 0 {
					h.trace = append(h.trace, "kill")
					h.end()
					h.start()
				}
			}
		}
		for h.step > 0 {
			h.rotate()
		}
		h.settle()
		for n := range h.lines {
			found := false
			for line := range h.shown {
				found = found || strings.HasPrefix(line, fmt.Sprintf("line %d ", n))
			}
			if !found && !h.gap[n] {
				t.Fatalf("line %d is lost, it is in %s: %v", n, h.where(n), h.trace)
			}
		}
		h.end()
		h.must(h.writer.Close())
	}
}

// where says which files have a line, and what is known of them.
func (h *host) where(line int) (out string) {
	h.finder.Look()
	names, _ := filepath.Glob(h.path("a.log*"))
	for _, path := range names {
		f, err := os.Open(path)
		h.must(err)
		var from io.Reader = f
		if strings.HasSuffix(path, ".gz") {
			from, err = gzip.NewReader(f)
			h.must(err)
		}
		text, _ := io.ReadAll(from)
		_ = f.Close()
		if at := strings.Index("\n"+string(text), fmt.Sprintf("\nline %d ", line)); at >= 0 {
			facts, _ := plain.Look(path)
			out += fmt.Sprintf("%s (%x) at %d; ", filepath.Base(path), facts.Inode, at)
			for _, id := range h.store.IDs() {
				r, _ := h.store.Get(id)
				if _, begins, has := plain.Compare(path, plain.Known(r.Position, r.Spans), true); begins || r.Position.File.Inode == facts.Inode {
					out += fmt.Sprintf("%s begins %t, has %t at %d, %d spans, epoch %d; ", filepath.Base(id), begins, has, r.Position.File.Offsets[0], len(r.Spans), r.Position.Plain.Epoch)
				}
			}
		}
	}
	return out
}

// settle reads and delivers all that there is.
func (h *host) settle() {
	old := time.Now().Add(-time.Minute)
	for range 12 {
		names, err := os.ReadDir(h.dir)
		h.must(err)
		for _, e := range names {
			if e.Name() != "a.log" && !e.IsDir() {
				h.must(os.Chtimes(h.path(e.Name()), old, old)) // time has passed
			}
		}
		h.look()
		for _, id := range slices.Sorted(keys(h.open)) {
			for h.read(id) {
			}
			_, err := h.open[id].AtEnd()
			h.must(err)
		}
		for len(h.flying) > 0 {
			h.answer(true)
		}
	}
}

func keys[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
