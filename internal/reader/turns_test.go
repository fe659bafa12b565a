package reader

import (
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/tail"
)

// play takes sources so many times. Each has so many chunks, and is put back until
// they are read.
func play(t *turns, chunks map[*Source]int, times int) (out []*Source) {
	for range times {
		s := t.next()
		if s == nil {
			break
		}
		out = append(out, s)
		if chunks[s]--; chunks[s] > 0 {
			t.read(s, tail.Progress{Bytes: wholeChunk, More: true, Full: s.slot.backlog.behind}, s.slot.backlog.written)
			t.add(s)
		} else {
			t.read(s, tail.Progress{Bytes: wholeChunk}, time.Time{})
		}
	}
	return out
}

func letters(order []*Source, names map[*Source]string) string {
	var out strings.Builder
	for _, s := range order {
		out.WriteString(names[s])
	}
	return out.String()
}

// TestNewestFirst: of the logs that are behind the one written to last is brought up
// to date first, and those that are not behind come in between.
func TestNewestFirst(t *testing.T) {
	var q turns
	now := time.Now()
	behind := func(age time.Duration) *Source {
		s := new(Source)
		q.read(s, tail.Progress{Bytes: 1, More: true, Full: true}, now.Add(-age))
		return s
	}
	old, newer, newest := behind(time.Hour), behind(time.Minute), behind(time.Second)
	names := map[*Source]string{old: "o", newer: "n", newest: "N"}
	chunks := map[*Source]int{old: 2, newer: 2, newest: 3}
	for s := range names {
		q.add(s)
	}
	live := make([]*Source, 5)
	for i := range live {
		live[i] = new(Source)
		names[live[i]], chunks[live[i]] = "l", 1
		q.add(live[i])
	}
	got := letters(play(&q, chunks, 4), names)
	// One that is found to be behind meanwhile, and newer.
	late := behind(0)
	names[late], chunks[late] = "L", 2
	q.add(late)
	if got += letters(play(&q, chunks, 100), names); got != "lllNllNNLLnnoo" {
		t.Errorf("read in the order %s", got)
	}
}

// TestEndlessBacklog: a log that is always behind lets the others have as much.
func TestEndlessBacklog(t *testing.T) {
	endless, other, third := new(Source), new(Source), new(Source)
	var q turns
	full := tail.Progress{More: true, Full: true}
	q.read(endless, full, time.Now())
	q.read(other, full, time.Now().Add(-time.Hour))
	const enough = 10 * behindBytes / wholeChunk
	chunks := map[*Source]int{endless: enough * 100, other: enough * 100, third: enough}
	q.add(endless)
	q.add(other)
	play(&q, chunks, 20*enough)
	// One that is new has no right to all that the others have had.
	q.read(third, full, time.Now())
	q.add(third)
	counts := make(map[*Source]int)
	for _, s := range play(&q, chunks, enough) {
		counts[s]++
	}
	for s, n := range counts {
		if least := enough/3 - behindBytes/wholeChunk; n < least {
			t.Errorf("%p was read %d times of %d, want at least %d", s, n, enough, least)
		}
	}
	if len(counts) != 3 {
		t.Errorf("only %d were read", len(counts))
	}
}

// TestRotationIsNoBacklog: that another file follows does not make a log one that is
// behind.
func TestRotationIsNoBacklog(t *testing.T) {
	var q turns
	s := new(Source)
	q.read(s, tail.Progress{Bytes: 100, More: true}, time.Now())
	if s.slot.backlog.behind {
		t.Error("it is behind")
	}
	q.read(s, tail.Progress{Bytes: wholeChunk, More: true, Full: true}, time.Now())
	q.read(s, tail.Progress{Bytes: 100, More: true, Finished: true}, time.Now())
	if !s.slot.backlog.behind {
		t.Error("at the end of one file it is not behind any more")
	}
	q.add(s)
	if q.next(); q.catching != s {
		t.Fatal("it is not being caught up with")
	}
	q.add(s)
	if q.remove(s); q.len() != 0 || q.catching != nil {
		t.Error("it is remembered")
	}
}

func (t *turns) len() int { return len(t.live) + len(t.behind) }
