package reader

import (
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/tail"
)

// game plays with turns: each source has so many chunks, and is put back until they are read.
type game struct {
	turns
	chunks map[*Source]int
	names  map[*Source]string
}

func newGame() *game {
	return &game{chunks: make(map[*Source]int), names: make(map[*Source]string)}
}

// behind adds a source that is known to be behind.
func (g *game) behind(name string, chunks int, age time.Duration) *Source {
	s := new(Source)
	g.names[s], g.chunks[s] = name, chunks
	g.found(s, int64(chunks)*wholeChunk, time.Unix(1e9, 0).Add(-age))
	g.add(s)
	return s
}

// live adds a source that is not.
func (g *game) live(name string) *Source {
	s := new(Source)
	g.names[s], g.chunks[s] = name, 1
	g.add(s)
	return s
}

// play takes sources so many times, and returns their names in order.
func (g *game) play(times int) string {
	var out strings.Builder
	for range times {
		s := g.next()
		if s == nil {
			break
		}
		out.WriteString(g.names[s])
		g.chunks[s]--
		switch left := g.chunks[s]; {
		case left > 0:
			g.read(s, tail.Progress{Bytes: wholeChunk, More: true, Full: true}, int64(left)*wholeChunk, time.Time{})
			g.add(s)
		default:
			g.read(s, tail.Progress{Bytes: wholeChunk}, 0, time.Time{})
		}
	}
	return out.String()
}

// TestOrderOfBacklogs: who has the smallest backlog is brought up to date first, and who has
// begun is not left for one that is as large.
func TestOrderOfBacklogs(t *testing.T) {
	for _, test := range []struct {
		name string
		set  func(g *game)
		want string
	}{
		{"the smallest first", func(g *game) {
			g.behind("L", 4, 0)
			g.behind("s", 2, 0)
			g.behind("m", 3, 0)
		}, "ssmmmLLLL"},
		{"of equal ones the one written to last", func(g *game) {
			g.behind("o", 2, time.Hour)
			g.behind("n", 2, time.Minute)
		}, "nnoo"},
		{"one that is found meanwhile and is smaller", func(g *game) {
			g.behind("L", 4, 0)
			g.play(1)
			g.behind("s", 2, 0)
		}, "ssLLL"},
		{"one that is found meanwhile and is as large", func(g *game) {
			g.behind("a", 3, time.Hour)
			g.play(1)
			g.behind("b", 3, 0)
		}, "aabbb"},
		{"live ones before all", func(g *game) {
			g.behind("b", 2, 0)
			g.live("l")
			g.live("l")
		}, "llbb"},
		{"a backlog has its share beside live ones that have much", func(g *game) {
			g.behind("b", 2, 0)
			for range 8 {
				g.live("l")
			}
		}, "lllblllbll"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGame()
			test.set(g)
			if got := g.play(100); got != test.want {
				t.Errorf("read in the order %s, want %s", got, test.want)
			}
		})
	}
}

// TestLooksAreCheap: live ones that have nothing are looked at by the dozen before a chunk of a
// backlog is read, which has its share all the same.
func TestLooksAreCheap(t *testing.T) {
	g := newGame()
	g.behind("b", 2, 0)
	const looks = liveShare / lookShare
	for range 2 * looks {
		s := new(Source)
		g.names[s] = "l"
		g.add(s)
	}
	var got strings.Builder
	for s := g.next(); s != nil; s = g.next() {
		got.WriteString(g.names[s])
	}
	if want := strings.Repeat("l", looks) + "b" + strings.Repeat("l", looks); got.String() != want {
		t.Errorf("read in the order %s", got.String())
	}
}

// TestNobodyStarves: the one that has waited longest has a share, however many smaller
// backlogs there are.
func TestNobodyStarves(t *testing.T) {
	g := newGame()
	g.behind("L", 1000, 0)
	g.behind("M", 999, 0)
	g.behind("s", 500, 0)
	got := g.play(16 * waitTurns)
	for name, least := range map[string]int{"L": 5, "M": 5, "s": 200} {
		if n := strings.Count(got, name); n < least {
			t.Errorf("%s was read %d times of %d, want %d", name, n, len(got), least)
		}
	}
}

// TestEndlessBacklog: a log that is written as fast as it is read is no small backlog, also when
// it is up to date now and then.
func TestEndlessBacklog(t *testing.T) {
	for _, caughtUp := range []bool{false, true} {
		g := newGame()
		endless := g.behind("e", 2, 0)
		g.behind("o", 40, 0)
		var got strings.Builder
		for range 200 {
			s := g.next()
			if s == nil {
				break
			}
			got.WriteString(g.names[s])
			if s != endless {
				if g.chunks[s]--; g.chunks[s] > 0 {
					g.read(s, tail.Progress{Bytes: wholeChunk, More: true, Full: true}, int64(g.chunks[s])*wholeChunk, time.Time{})
					g.add(s)
				}
				continue
			}
			if caughtUp {
				g.read(s, tail.Progress{Bytes: wholeChunk}, 0, time.Time{})
				g.found(s, 2*wholeChunk, time.Time{})
			} else {
				g.read(s, tail.Progress{Bytes: wholeChunk, More: true, Full: true}, 2*wholeChunk, time.Time{})
			}
			g.add(s)
		}
		if n := strings.Count(got.String(), "o"); n < 40 {
			t.Errorf("caught up %v: the other was read %d times of %d, want 40: %s", caughtUp, n, got.Len(), got.String())
		}
	}
}

// TestRotationIsNoBacklog: that another file follows does not make a log one that is
// behind, and does not make one live that is.
func TestRotationIsNoBacklog(t *testing.T) {
	var q turns
	s := new(Source)
	q.read(s, tail.Progress{Bytes: 100, More: true}, 0, time.Now())
	if s.slot.backlog.behind {
		t.Error("it is behind")
	}
	q.read(s, tail.Progress{Bytes: wholeChunk, More: true, Full: true}, 1000, time.Now())
	q.read(s, tail.Progress{Bytes: 100, More: true, Finished: true}, 500, time.Now())
	if !s.slot.backlog.behind {
		t.Error("at the end of one file it is not behind any more")
	}
	q.add(s)
	if q.remove(s); q.len() != 0 || q.late != 0 {
		t.Error("it is remembered")
	}
}

func (t *turns) len() int { return len(t.live) + len(t.behind) }
