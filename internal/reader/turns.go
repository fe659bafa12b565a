package reader

import (
	"cmp"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/tail"
)

// turns decides which source is read next. Those that may have a little take turns, before
// all others. Those that are known to have more than a chunk are brought up to date one
// after another, the one with the smallest backlog first: what a container writes now comes
// after its own backlog, so that is the order in which most containers are live again soon.
// None waits for ever: what is read of a log counts as its backlog, too, and now and then
// the turn is that of the one which has waited longest. It is guarded by the reader's mu.
type turns struct {
	// live are in the order of coming, behind in that of compareBehind.
	live, behind []*Source
	// liveRead is what was read of live ones while others are behind, in bytes.
	liveRead int
	// turn counts the turns of those that are behind, and late how many sources are, in the
	// queue or not. absence rises whenever none is any more.
	turn, late, absence int
}

const (
	// liveShare is how much is read of live sources until it is the turn of one that is
	// behind, in bytes, and lookShare what a look at one counts that finds nothing: with
	// many live ones, of which most have nothing, a chunk of a backlog takes longer than
	// looking at a hundred of them.
	liveShare, lookShare = 3 * wholeChunk, 8 << 10
	// waitTurns is how many turns of those that are behind there are for one of the one that
	// has waited longest.
	waitTurns = 16
)

// found notes that a source which is not in the queue is behind by so many bytes, 0 if that
// is not known, and when its log was written to last.
func (t *turns) found(s *Source, left int64, written time.Time) {
	b := &s.slot.backlog
	if b.behind {
		return
	}
	t.late++
	had := b.had // while the others were waiting: it still counts
	if b.absence != t.absence {
		had = 0
	}
	*b = backlog{behind: true, absence: t.absence, size: max(left, had, wholeChunk), had: had, left: left, written: written, turn: t.turn}
}

// read notes what a chunk of a source that is not in the queue has shown, and what is left
// of its log. written counts if it shows for the first time that the source is behind.
func (t *turns) read(s *Source, p tail.Progress, left int64, written time.Time) {
	b := &s.slot.backlog
	if !b.behind {
		if t.liveRead += p.Bytes; p.More && p.Full { // otherwise another file follows, as after each rotation
			t.found(s, left, written)
		}
		return
	}
	b.left, b.turn = left, t.turn // one that had no room had no turn
	if b.had += int64(p.Bytes); !p.More {
		t.caughtUp(b)
	} else if b.had >= 2*b.size {
		b.size = b.had // it is written about as fast as it is read, or nobody knows how much there is
	}
}

// caughtUp notes that a source is not behind any more. Once none is, all begin anew.
func (t *turns) caughtUp(b *backlog) {
	t.late--
	*b = backlog{had: b.had, absence: t.absence}
	if t.late == 0 {
		t.absence++
	}
}

// compareBehind orders those that are behind: the smallest backlog first, of equal ones that
// which has begun, then the one that was written to last.
func compareBehind(a, b *Source) int {
	x, y := &a.slot.backlog, &b.slot.backlog
	return cmp.Or(cmp.Compare(x.size, y.size), cmp.Compare(x.left, y.left), y.written.Compare(x.written))
}

func (t *turns) add(s *Source) {
	if !s.slot.backlog.behind {
		t.live = append(t.live, s)
		return
	}
	// After those that are equal.
	at, _ := slices.BinarySearchFunc(t.behind, s, func(a, b *Source) int { return cmp.Or(compareBehind(a, b), -1) })
	t.behind = slices.Insert(t.behind, at, s)
}

// next takes a source out, nil when there is none.
func (t *turns) next() (s *Source) {
	switch {
	case len(t.live) > 0 && (len(t.behind) == 0 || t.liveRead < liveShare):
		t.liveRead += lookShare
		s, t.live[0] = t.live[0], nil
		t.live = t.live[1:]
		return s
	case len(t.behind) == 0:
		return nil
	}
	t.liveRead = 0
	t.turn++
	at := 0
	if t.turn%waitTurns == 0 {
		at = t.longest()
	}
	s = t.behind[at]
	t.behind = slices.Delete(t.behind, at, at+1)
	return s
}

// longest returns which of those that are behind had its turn longest ago.
func (t *turns) longest() (at int) {
	for i, s := range t.behind {
		if s.slot.backlog.turn < t.behind[at].slot.backlog.turn {
			at = i
		}
	}
	return at
}

// remove forgets a source.
func (t *turns) remove(s *Source) {
	is := func(other *Source) bool { return other == s }
	t.live, t.behind = slices.DeleteFunc(t.live, is), slices.DeleteFunc(t.behind, is)
	if s.slot.backlog.behind {
		t.caughtUp(&s.slot.backlog)
	}
}
