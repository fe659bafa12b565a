package dispatch

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// A Loki ingester answers with the fate of a request's last stream, whatever
// became of those before it: entries that are too far behind, over the stream's
// rate limit or over the limit of streams are then dropped behind a 204. So a
// stream that may be refused must be the last of its request. Which one may is
// known beforehand: a stream that Loki may not have, one with entries well
// behind what was sent before, and one that is busy. All others share requests,
// so that a quiet host needs one request per batch.
const (
	// toldFor is how long a stream counts as existing in Loki after an answer
	// about it. Loki drops idle streams after half an hour by default.
	toldFor = 20 * time.Minute
	// behind is how old entries may be against the newest sent of their
	// stream. Loki's limit is an hour by default.
	behind = 30 * time.Minute
	// busyBytes and busyRate describe the leaky bucket of a stream: one that
	// overflows may be over its rate limit. Loki's own is 15 MB and 3 MB/s by
	// default; a low limit of an operator is meant to be covered, too.
	busyBytes = 256 << 10
	busyRate  = 128 << 10
	// limitedFor is how long a stream that was over a limit is sent by itself: the
	// others of its request would have to be sent twice.
	limitedFor = time.Minute
	// streamIdle is how long an unused stream is remembered.
	streamIdle = time.Hour
)

// streams remembers what was sent of every stream. It is shared by the lanes: a
// container that was made anew has the streams of the old one while both are known.
type streams struct {
	mu    sync.Mutex // guards the fields below
	known map[string]*streamState
	// landed is told when a stream is not under way any more, and waiting is how many pushes
	// wait for that.
	landed  sync.Cond
	waiting int
	// of are the keys in known by container.
	of     map[string][]string
	pruned time.Time
	// apart is as for Config.
	apart bool
}

type streamState struct {
	// underWay tells that a push has entries of it. Another waits for that, be it of
	// another lane: two containers may share a stream, and the older entries of the one
	// would be too far behind if the other's came first.
	underWay bool
	// containers are the IDs of those that have sent to it and were not forgotten.
	containers []string
	// told is when an answer was about this stream.
	told time.Time
	// newest is the newest timestamp sent, in Unix nanoseconds.
	newest int64
	// level is the bucket's content in bytes at the time of seen.
	level float64
	seen  time.Time
	// limited is when it was over a limit of its own.
	limited time.Time
}

func newStreams() *streams {
	s := &streams{known: make(map[string]*streamState), of: make(map[string][]string)}
	s.landed.L = &s.mu
	return s
}

// plan divides a batch into the requests in which every stream that may be
// refused is the last, and which are of one tenant each. It waits until none of the streams is under way. arrived must
// follow.
func (s *streams) plan(b *logs.Batch, now time.Time) ([]*logs.Batch, []*streamState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune(now)
	states := s.depart(b)
	parts := byTenant(b)
	out := make([]*logs.Batch, 0, len(parts))
	for _, part := range parts {
		out = append(out, s.divide(part, now)...)
	}
	return out, states
}

// divide is plan for the groups of one tenant. The lock is held.
func (s *streams) divide(b *logs.Batch, now time.Time) []*logs.Batch {
	var safe, risky, limited []*logs.Group
	for _, g := range b.Groups {
		switch state := s.known[streamKey(g)]; {
		case now.Sub(state.limited) < limitedFor:
			state.risky(g, now)
			limited = append(limited, g)
		case state.risky(g, now), s.apart:
			risky = append(risky, g)
		default:
			safe = append(safe, g)
		}
	}
	if len(risky)+len(limited) == 0 {
		return []*logs.Batch{b}
	}
	if len(risky) > 0 {
		safe, risky = append(safe, risky[0]), risky[1:]
	}
	var out []*logs.Batch
	if len(safe) > 0 {
		out = append(out, logs.Join(safe...))
	}
	for _, g := range append(risky, limited...) {
		out = append(out, logs.Join(g))
	}
	return out
}

// depart returns the states of a batch's streams, which are under way from now on. All
// are taken at once, so that no two pushes wait for each other.
func (s *streams) depart(b *logs.Batch) []*streamState {
	states := make([]*streamState, len(b.Groups))
	for waits := true; waits; {
		waits = false
		for i, g := range b.Groups {
			states[i] = s.state(g)
			waits = waits || states[i].underWay
		}
		if waits {
			s.waiting++
			s.landed.Wait()
			s.waiting--
		}
	}
	for _, state := range states {
		state.underWay = true
	}
	return states
}

// arrived ends what plan began.
func (s *streams) arrived(states []*streamState) {
	if len(states) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range states {
		state.underWay = false
	}
	s.landed.Broadcast()
}

// limited notes that a stream is over a limit of its own.
func (s *streams) limited(g *logs.Group, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.known[streamKey(g)]; state != nil { // not forgotten meanwhile
		state.limited = now
	}
}

// told notes that a request was answered: about its last stream. Of streams that were all new
// at the start each counts as told for another time, from half of toldFor on: they come due one
// by one, and find room as the last of a request that there is anyway, where all together would
// need a request each, on all hosts that were started together.
func (s *streams) told(b *logs.Batch, now time.Time) {
	if len(b.Groups) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.known[streamKey(b.Groups[len(b.Groups)-1])]; state != nil { // as above
		state.told = now.Add(-rand.N(toldFor / 2))
	}
}

// state finds or makes the state of a stream that a group is about to be sent to.
func (s *streams) state(g *logs.Group) *streamState {
	key := streamKey(g)
	state := s.known[key]
	if state == nil {
		state = &streamState{}
		s.known[key] = state
	}
	if !slices.Contains(state.containers, g.Container) {
		state.containers = append(state.containers, g.Container)
		s.of[g.Container] = append(s.of[g.Container], key)
	}
	return state
}

// forget forgets the streams of a container that was removed, unless another has sent
// to them, too: what is refused of that one would not be seen.
func (s *streams) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.of[id] {
		state := s.known[key]
		if state == nil {
			continue // silent for long
		}
		state.containers = slices.DeleteFunc(state.containers, func(other string) bool { return other == id })
		if len(state.containers) == 0 {
			delete(s.known, key)
		}
	}
	delete(s.of, id)
}

// risky tells whether a group of this stream may be refused, and counts it as sent.
func (s *streamState) risky(g *logs.Group, now time.Time) bool {
	s.level = max(0, s.level-busyRate*now.Sub(s.seen).Seconds()) + float64(len(g.Text))
	s.seen = now
	oldest, newest := g.Times[0], g.Times[0]
	for _, t := range g.Times {
		oldest, newest = min(oldest, t), max(newest, t)
	}
	risky := now.Sub(s.told) > toldFor || s.level > busyBytes || oldest < s.newest-int64(behind)
	s.newest = max(s.newest, newest)
	s.level = min(s.level, 2*busyBytes)
	return risky
}

func (s *streams) prune(now time.Time) {
	if now.Sub(s.pruned) < streamIdle {
		return
	}
	s.pruned = now
	for key, state := range s.known {
		if now.Sub(state.seen) > streamIdle && !state.underWay {
			delete(s.known, key)
		}
	}
	for id, keys := range s.of {
		keys = slices.DeleteFunc(keys, func(key string) bool {
			return s.known[key] == nil
		})
		if s.of[id] = keys; len(keys) == 0 {
			delete(s.of, id)
		}
	}
}

// streamKey tells the streams of all tenants apart: a selector has no line feed in it.
func streamKey(g *logs.Group) string {
	if g.Tenant == "" {
		return g.Labels.Selector(g.Stream)
	}
	return g.Tenant + "\n" + g.Labels.Selector(g.Stream)
}
