package collect

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// A container that takes another's place, that of one removed or of a stopped task of
// Swarm, has its labels, so that to Loki they are one stream; and Loki refuses what is an
// hour behind the newest of its stream. After a long absence the old container's lines
// therefore go first, although its log was written to before all others. This is so for
// what is read from files and the journal.

type succession struct {
	// leaving are the units whose container was removed and that were not found to be
	// delivered.
	leaving map[*unit]bool
	// before are those of all units that may have to go first, by the labels of a stream
	// that they wrote.
	before map[string]*queue
	// followed: there were any when it was looked last.
	followed bool
}

// queue is those that wrote one stream, the oldest first.
type queue struct {
	units     []*unit
	producers []*producer.Producer
}

func newSuccession() succession {
	return succession{leaving: make(map[*unit]bool), before: make(map[string]*queue)}
}

// renew has the running sources wait for the logs that go before them. There may be thousands of
// one stream while the sink is away, so each gets a part of one list.
func (s *succession) renew(units map[string]*unit) {
	clear(s.before)
	for u := range s.leaving {
		if u.producer.Delivered() {
			delete(s.leaving, u)
			continue
		}
		s.precede(u)
	}
	for _, u := range units {
		if u.stopped() {
			s.precede(u)
		}
	}
	if len(s.before) == 0 && !s.followed {
		return
	}
	s.followed = len(s.before) > 0 // if not, what waits hears of it
	for _, q := range s.before {
		slices.SortFunc(q.units, byAge)
		for _, u := range q.units {
			q.producers = append(q.producers, u.producer)
		}
	}
	for _, u := range units {
		if file := u.file(); file != nil {
			file.Follow(s.predecessors(u))
		}
	}
}

// precede puts a unit before all of its streams that were started later.
func (s *succession) precede(u *unit) {
	for _, stream := range u.streams() {
		q := s.before[stream]
		if q == nil {
			q = new(queue)
			s.before[stream] = q
		}
		q.units = append(q.units, u)
	}
}

// predecessors returns the logs of those whose container was removed before this one was
// started in its place, and which may not be delivered; the oldest first.
func (s *succession) predecessors(u *unit) (out []*producer.Producer) {
	if len(s.before) == 0 {
		return nil
	}
	for _, stream := range u.streams() {
		q := s.before[stream]
		if q == nil {
			continue
		}
		n, _ := slices.BinarySearchFunc(q.units, u, byAge)
		switch {
		case n == 0:
		case out == nil:
			out = q.producers[:n:n]
		default:
			out = append(out, q.producers[:n]...)
		}
	}
	return out
}

// stopped reports whether the unit's container has ended, is still there, as Swarm keeps the
// tasks of before an update, and is not known to be read to its end. One that was read is
// behind nobody any more: what it writes when it is started again is new.
func (u *unit) stopped() bool {
	route := u.situation().wants()
	return !u.fate.gone() && (route == logs.File || route == logs.Journal) && u.container().Over() && !u.producer.Waived() && !u.producer.Passed()
}

// streams are the labels that the unit's lines have, or had, in Loki: without what is
// metadata, such as the container's ID.
func (u *unit) streams() (out []string) {
	for _, step := range u.producer.Labels() {
		out = append(out, step.Labels.Selector(logs.Stdout))
	}
	return out
}

// byAge orders units by when their container was started. Of those that were removed while
// we were down only the positions are known, and one without is the newest: while the sink was
// away nothing was delivered of it.
func byAge(a, b *unit) int {
	return cmp.Or(a.started().Compare(b.started()), cmp.Compare(a.reached(), b.reached()))
}

// never is later than any start.
var never = time.Unix(1<<40, 0)

// started is when the unit's container was started, as far as it matters which of two came
// first: never, if it has not been yet, and about when it was made, if it was gone before
// anybody could ask.
func (u *unit) started() time.Time {
	at := u.container().StartedAt
	switch {
	case !at.IsZero():
		return at
	case u.fate.gone():
		return u.made
	}
	return never
}

// reached is the timestamp up to which the unit was delivered when it was made; the
// greatest of all if nothing was.
func (u *unit) reached() int64 {
	if u.position.Last == 0 {
		return math.MaxInt64
	}
	return u.position.Latest()
}
