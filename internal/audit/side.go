package audit

import "slices"

// node is an entry that only one side has shown.
type node struct {
	time int64
	hash uint64
	// text and stream are of the log, line and labels of Loki.
	text, stream string
	line         string
	labels       map[string]string
	waits        bool
	acknowledged *bool
	// came is how many entries of the log there were when it came, and again says that one of
	// them, or of those soon after, has its text.
	came  int64
	again bool
	gone  bool
	// in are its neighbours of the same time, and of the same time and text.
	in [2]struct{ prev, next *node }
}

// after is the next one of the same time.
func (n *node) after() *node { return n.in[byTime].next }

// What nodes are chained by, each chain in the order in which they came.
const (
	byTime = iota
	byText
)

type chain struct{ first, last *node }

func (c chain) with(n *node, by int) chain {
	if n.in[by].prev = c.last; c.last == nil {
		c.first = n
	} else {
		c.last.in[by].next = n
	}
	c.last = n
	return c
}

func (c chain) without(n *node, by int) chain {
	at := &n.in[by]
	if at.prev == nil {
		c.first = at.next
	} else {
		at.prev.in[by].next = at.next
	}
	if at.next == nil {
		c.last = at.prev
	} else {
		at.next.in[by].prev = at.prev
	}
	at.prev, at.next = nil, nil
	return c
}

// put keeps a chain where there is something in it.
func put[K comparable](in map[K]chain, key K, c chain) {
	if c.first == nil {
		delete(in, key)
	} else {
		in[key] = c
	}
}

// timeText is a time and the hash of a text.
type timeText struct {
	time int64
	hash uint64
}

// side is what one side has shown and the other has not.
type side struct {
	times map[int64]chain
	texts map[timeText]chain
	// queue has all of them in the order in which they came, and some that are gone.
	queue []*node
	head  int
	live  int
}

// add adds one, and returns how many there are.
func (s *side) add(n *node) int {
	if s.times == nil {
		s.times, s.texts = make(map[int64]chain), make(map[timeText]chain)
	}
	text := timeText{n.time, n.hash}
	s.times[n.time], s.texts[text] = s.times[n.time].with(n, byTime), s.texts[text].with(n, byText)
	// One that stays must not keep those behind it that are gone.
	if len(s.queue) > 2*s.live+1024 {
		s.queue = slices.DeleteFunc(append(s.queue[:0], s.queue[s.head:]...), func(n *node) bool { return n.gone })
		clear(s.queue[len(s.queue):cap(s.queue)])
		s.head = 0
	}
	s.queue = append(s.queue, n)
	s.live++
	return s.live
}

// skip goes past what is gone.
func (s *side) skip() {
	for s.head < len(s.queue) && s.queue[s.head].gone {
		s.queue[s.head] = nil
		s.head++
	}
}

// take removes and returns the one of a time and a text that came first; nil for none.
func (s *side) take(time int64, hash uint64) *node {
	n := s.texts[timeText{time, hash}].first
	if n != nil {
		s.remove(n)
	}
	return n
}

// at returns the one of a time that came first; nil for none.
func (s *side) at(time int64) *node { return s.times[time].first }

func (s *side) remove(n *node) {
	n.gone = true
	s.live--
	text := timeText{n.time, n.hash}
	put(s.times, n.time, s.times[n.time].without(n, byTime))
	put(s.texts, text, s.texts[text].without(n, byText))
	n.line, n.labels = "", nil
}

// oldest removes and returns the one that came first; nil for none. It keeps its text.
func (s *side) oldest() *node {
	if s.skip(); s.head == len(s.queue) {
		return nil
	}
	n := s.queue[s.head]
	line, labels := n.line, n.labels
	s.remove(n)
	n.line, n.labels = line, labels
	return n
}

// recent are the texts of the newest entries, by their hashes: the newer half, and the older.
type recent struct{ newer, older map[uint64]struct{} }

// half is how many there are of each.
const half = 32 << 10

func (r *recent) add(hash uint64) {
	if len(r.newer) >= half || r.newer == nil {
		r.newer, r.older = make(map[uint64]struct{}), r.newer
	}
	r.newer[hash] = struct{}{}
}

func (r *recent) has(hash uint64) bool {
	_, newer := r.newer[hash]
	_, older := r.older[hash]
	return newer || older
}
