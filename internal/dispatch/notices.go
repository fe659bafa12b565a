package dispatch

import (
	"maps"
	"sync"
	"time"
)

// notices logs what happens again and again at a bounded rate: of each key at once, and
// then at most once per every. Several pushes share it.
type notices struct {
	every time.Duration
	// most bounds the keys: the memory, and the messages within every. Those beyond it
	// share another key.
	most int
	// holds tells that what comes of a key too soon is counted, and logged when it is due.
	holds bool

	mu   sync.Mutex // guards keys
	keys map[string]*notice
}

// notice is what is known of a key.
type notice struct {
	// at is when it was logged last, and unlogged what was counted since, to be logged by say.
	at       time.Time
	unlogged int
	say      say
	// shared tells that it stands for many.
	shared bool
}

// say logs a number of events, of one key or of several that share one.
type say func(count int, shared bool)

// note counts events of a key, and logs them if that is due. other is the key to use where
// there are too many, empty for none: then they are not logged. It returns whether they were.
func (n *notices) note(key, other string, count int, now time.Time, log say) bool {
	n.mu.Lock()
	one := n.find(key, other, now)
	if one == nil {
		n.mu.Unlock()
		return false
	}
	due := now.Sub(one.at) >= n.every
	if due || n.holds || one.shared {
		one.unlogged += count
		one.say = log
	}
	var ready func()
	if due {
		ready = one.take(now)
	}
	n.mu.Unlock()
	if due {
		ready()
	}
	return due
}

// find finds or makes a notice. When there are too many, those that were logged long ago go.
func (n *notices) find(key, other string, now time.Time) *notice {
	if one := n.keys[key]; one != nil {
		return one
	}
	if n.keys == nil {
		n.keys = make(map[string]*notice)
	}
	if len(n.keys) >= n.most {
		maps.DeleteFunc(n.keys, func(_ string, one *notice) bool { return one.unlogged == 0 && now.Sub(one.at) >= n.every })
	}
	full := len(n.keys) >= n.most
	if full {
		key = other
	}
	one := n.keys[key]
	if one == nil && key != "" {
		one = &notice{shared: full}
		n.keys[key] = one
	}
	return one
}

// tell logs what has waited for long enough. It returns how long it is until
// there is more to log; 0 when nothing waits.
func (n *notices) tell(now time.Time) (next time.Duration) {
	var ready []func()
	n.mu.Lock()
	for _, one := range n.keys {
		if one.unlogged == 0 {
			continue
		}
		left := n.every - now.Sub(one.at)
		if left <= 0 {
			ready = append(ready, one.take(now))
		} else if next == 0 || left < next {
			next = left
		}
	}
	n.mu.Unlock()
	for _, say := range ready {
		say()
	}
	return next
}

// tellAll logs everything that waits.
func (n *notices) tellAll(now time.Time) { n.tell(now.Add(n.every)) }

// take returns what logs all that waits.
func (n *notice) take(now time.Time) func() {
	say, count, shared := n.say, n.unlogged, n.shared
	n.at, n.unlogged, n.say = now, 0, nil
	return func() { say(count, shared) }
}
