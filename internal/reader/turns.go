package reader

import (
	"cmp"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/tail"
)

// turns decides which source is read next. Those that may have a little take turns.
// Those that are known to have more than a chunk are brought up to date one after
// another, the one that was written to last first: so after a long absence the first
// log is live again when its own backlog is read, and not when that of all is. It is
// guarded by the reader's mu.
type turns struct {
	// live are in the order of coming, behind in that of compareBehind.
	live, behind []*Source
	// served counts the live ones that were taken while others are behind.
	served int
	// catching is the one that is being brought up to date: those found to be behind
	// meanwhile come after it, however new.
	catching *Source
	// round is that of the source behind that was taken last.
	round int
}

const (
	// liveTurns is how many live sources are read for one that is behind, where
	// there are both.
	liveTurns = 3
	// behindBytes is how much is read of one that is behind until all others have
	// had as much, in bytes: a log that is written faster than it can be read must
	// not keep them waiting for ever.
	behindBytes = 16 << 20
)

// read notes what a chunk of a source that is not in the queue has shown. written counts
// if it shows for the first time that the source is behind.
func (t *turns) read(s *Source, p tail.Progress, written time.Time) {
	b := &s.slot.backlog
	switch {
	case !p.More:
		*b = backlog{}
		return
	case p.Full && !b.behind:
		// Not before those that have had their share already.
		*b = backlog{behind: true, round: t.round, written: written}
	case !b.behind:
		return // another file follows, as after each rotation
	}
	if b.part += p.Bytes; b.part >= behindBytes {
		b.round, b.part = b.round+1, 0
	}
}

func compareBehind(a, b *Source) int {
	return cmp.Or(cmp.Compare(a.slot.backlog.round, b.slot.backlog.round), b.slot.backlog.written.Compare(a.slot.backlog.written))
}

func (t *turns) add(s *Source) {
	if !s.slot.backlog.behind {
		t.live = append(t.live, s)
		return
	}
	if s == t.catching && (len(t.behind) == 0 || s.slot.backlog.round <= t.behind[0].slot.backlog.round) {
		t.behind = slices.Insert(t.behind, 0, s)
		return
	}
	// After those that are equal.
	at, _ := slices.BinarySearchFunc(t.behind, s, func(a, b *Source) int { return cmp.Or(compareBehind(a, b), -1) })
	if at == 0 && len(t.behind) > 0 && t.behind[0] == t.catching && t.catching.slot.backlog.round <= s.slot.backlog.round {
		at = 1
	}
	t.behind = slices.Insert(t.behind, at, s)
}

// next takes a source out, nil when there is none.
func (t *turns) next() (s *Source) {
	from := &t.behind
	if len(t.live) > 0 && (len(t.behind) == 0 || t.served < liveTurns) {
		from = &t.live
		t.served++
	} else {
		t.served = 0
	}
	if len(*from) == 0 {
		return nil
	}
	if s = (*from)[0]; from == &t.behind {
		t.catching, t.round = s, s.slot.backlog.round
	}
	(*from)[0] = nil
	*from = (*from)[1:]
	return s
}

// remove forgets a source.
func (t *turns) remove(s *Source) {
	is := func(other *Source) bool { return other == s }
	t.live, t.behind = slices.DeleteFunc(t.live, is), slices.DeleteFunc(t.behind, is)
	if t.catching == s {
		t.catching = nil
	}
}
