package plain

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
)

// machine is a file, what reads it, and a sink that keeps equal entries once, as Loki does.
type machine struct {
	t     *testing.T
	rng   *rand.Rand
	dir   string
	store *checkpoint.Store
	now   int64
	// open are those that are read, by ID, and flying what the sink has not answered.
	open   map[string]*Log
	paths  map[string]string
	flying []parcel
	shown  map[string]int64
	order  []string
	again  int
	fails  func(format string, args ...any)
}

type parcel struct {
	id      string
	entries []logs.Entry
	at      logs.Position
}

type counted struct{ truncated, found int }

func (counted) LineCut()    {}
func (counted) LeftOut(int) {}
func (c *counted) Truncated(found bool, _ int64) {
	if c.truncated++; found {
		c.found++
	}
}

const maxLine = 40 << 10

func newMachine(t *testing.T, seed uint64) *machine {
	m := &machine{t: t, rng: rand.New(rand.NewPCG(seed, 3)), dir: t.TempDir(), now: 1e18, shown: make(map[string]int64)}
	m.fails = func(format string, args ...any) { t.Fatalf("seed %d: "+format, append([]any{seed}, args...)...) }
	m.start()
	return m
}

func (m *machine) start() {
	store, err := checkpoint.Open(filepath.Join(m.dir, "state"), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		m.t.Fatal(err)
	}
	m.store, m.open, m.flying, m.paths = store, make(map[string]*Log), nil, make(map[string]string)
}

// kill ends the process: what was not flushed is gone.
func (m *machine) kill() {
	for _, l := range m.open {
		l.Close()
	}
	if err := m.store.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.start()
}

func (m *machine) log(path string) *Log {
	facts, err := Look(path)
	if err != nil {
		m.fails("%v", err)
	}
	id := fmt.Sprintf("%s#%x", path, facts.Inode)
	if l := m.open[id]; l != nil {
		return l
	}
	r, known := m.store.Get(id)
	if !known {
		m.store.Commit(id, logs.Position{})
	}
	l := Open(Config{
		Path: path, Inode: facts.Inode, Made: facts.Made, Resume: r.Position, Spans: r.Spans, MaxLine: maxLine, Silence: 5 * time.Second, Events: &counted{},
		Foresee: func(s logs.Span) (int, int64, error) { return m.store.Foresee(id, s) }, Foreseen: func() (int, int64) { return m.store.Foreseen(id) },
		Now: func() time.Time { m.now += 1000; return time.Unix(0, m.now) },
	})
	m.open[id], m.paths[id] = l, path
	return l
}

func (m *machine) id(of *Log) string {
	for id, l := range m.open {
		if l == of {
			return id
		}
	}
	return ""
}

// read reads a chunk and hands it over.
func (m *machine) read(l *Log) (some bool) {
	p := parcel{id: m.id(l)}
	emit := func(e logs.Entry) {
		e.Line = slices.Clone(e.Line)
		p.entries = append(p.entries, e)
	}
	size := 32 << 10
	if m.rng.IntN(2) == 0 {
		size = 256 << 10
	}
	buf := make([]byte, 0)
	progress, err := l.Read(size, func(n int) []byte { buf = make([]byte, n); return buf }, emit)
	if err != nil {
		m.fails("%v", err)
	}
	for i := range buf {
		buf[i] = '#' // the reader's buffer is another's
	}
	p.at = l.Position()
	if progress.Bytes > 0 || len(p.entries) > 0 {
		m.flying = append(m.flying, p)
	}
	return progress.More
}

// answer has the sink take the oldest parcel, whose position may be committed or not.
func (m *machine) answer(committed bool) {
	if len(m.flying) == 0 {
		return
	}
	p := m.flying[0]
	for _, e := range p.entries {
		line := string(e.Line)
		if at, known := m.shown[line]; known && at != e.Time {
			m.fails("%.60q is shown at %d and at %d", line, at, e.Time)
		} else if known {
			m.again++
		} else {
			m.shown[line] = e.Time
			m.order = append(m.order, line)
		}
	}
	if committed {
		m.flying = m.flying[1:]
		m.store.Commit(p.id, p.at)
	}
}

// TestPlainModel: whatever is written, in whatever pieces, wherever the process is killed,
// and however little of what it had sent it knows then: each line is shown once, in order.
func TestPlainModel(t *testing.T) {
	again := 0
	for seed := range uint64(25) {
		m := newMachine(t, seed)
		path := filepath.Join(m.dir, "log")
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		begun := ""
		write := func(text string) {
			if _, err := f.WriteString(text); err != nil {
				t.Fatal(err)
			}
		}
		end := func() {
			if begun != "" {
				write("\n")
				want, begun = append(want, begun), ""
			}
		}
		for i := range 200 {
			switch m.rng.IntN(13) {
			case 0, 1:
				end()
				for n := range m.rng.IntN(40) {
					line := fmt.Sprintf("line %d.%d %s", i, n, strings.Repeat("x", m.rng.IntN(3)*m.rng.IntN(600)))
					write(line + "\n")
					want = append(want, line)
				}
			case 2:
				piece := fmt.Sprintf("piece %d %s.", i, strings.Repeat("y", m.rng.IntN(1<<m.rng.IntN(15))))
				write(piece)
				begun += piece
			case 3:
				end()
			case 4:
				if m.rng.IntN(3) == 0 { // longer than a chunk, and cut
					end()
					line := fmt.Sprintf("long %d %s", i, strings.Repeat("z", maxLine+m.rng.IntN(300<<10)))
					write(line + "\n")
					marker := fmt.Sprintf("… [cut by lighterman: the line had more than %d bytes]", maxLine)
					want = append(want, line[:maxLine-len(marker)]+marker)
				}
			case 5, 6, 7, 8:
				m.read(m.log(path))
			case 9:
				m.answer(true)
			case 10:
				m.answer(m.rng.IntN(2) == 0)
			case 11:
				m.store.Flush()
			default:
				if m.rng.IntN(3) == 0 {
					m.kill()
				}
			}
		}
		end()
		for l := m.log(path); m.read(l); {
			for len(m.flying) > 0 {
				m.answer(true)
			}
		}
		for len(m.flying) > 0 {
			m.answer(true)
		}
		if !slices.Equal(m.order, want) {
			for i := range want {
				if i >= len(m.order) || m.order[i] != want[i] {
					m.fails("%d of %d lines; line %d is %.80q, want %.80q", len(m.order), len(want), i, m.order[min(i, len(m.order)-1)], want[i])
				}
			}
			m.fails("%d lines, want %d", len(m.order), len(want))
		}
		again += m.again
		if end, err := m.log(path).AtEnd(); !end || err != nil {
			m.fails("not at the end: %v", err)
		}
		m.kill()
		_ = m.store.Close()
		_ = f.Close()
	}
	if again == 0 {
		t.Error("nothing came twice, so nothing was shown")
	}
}
