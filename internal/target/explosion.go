package target

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Bounds of what the guard remembers.
const (
	// explosionLimit is how many values a label may have within explosionWindow.
	explosionLimit  = 100
	explosionWindow = 24 * time.Hour
	// maxWatched bounds the labels that are watched, and maxExamples the values that are
	// shown of one.
	maxWatched  = 1000
	maxExamples = 5
)

// Guard watches over the values of labels: each is a stream of its own in Loki, which
// becomes slow, and then refuses, when a label has a value for each container or deployment
// that ever was. It depends on nothing but what it is shown and when.
type Guard struct {
	limit int
	// own are the labels that may have one more value for each container that exists, as
	// that is what they are for.
	own []string
	// moves reports whether a label is to become structured metadata.
	moves func(label string) bool

	// mu guards what follows.
	mu     sync.Mutex
	labels map[string]*watched
	// moved are the labels that have become structured metadata, sorted. They stay it until
	// the process ends: a label that comes and goes would make more streams.
	moved []string
}

// watched is a label, with when each of its values was seen last. There is never more than
// one beyond what it may have.
type watched struct {
	values   map[string]time.Time
	exploded bool
}

// Explosion is a label that had more values within a day than it should.
type Explosion struct {
	Label string
	// Values is how many there were, as far as they were counted, and Examples are some.
	Values   int
	Examples []string
	// Moved reports whether the label has become structured metadata.
	Moved bool
}

// String says in words what there is.
func (e Explosion) String() string {
	if e.Moved {
		return fmt.Sprintf("label %s had very many values within a day and is structured metadata now", e.Label)
	}
	return fmt.Sprintf("label %s had %d values or more within a day (such as %s): each makes a stream of its own in Loki", e.Label, e.Values, strings.Join(e.Examples, ", "))
}

// NewGuard makes a guard for labels of up to a number of values, explosionLimit when 0. own
// are those that name containers, and may have one more for each. moves says which of those
// that have more become structured metadata; nil for none.
func NewGuard(limit int, own []string, moves func(label string) bool) *Guard {
	if limit == 0 {
		limit = explosionLimit
	}
	if moves == nil {
		moves = func(string) bool { return false }
	}
	return &Guard{limit: limit, own: own, moves: moves, labels: make(map[string]*watched)}
}

// Reconsider changes what NewGuard was told, for what is shown from now on. What has become
// structured metadata stays it.
func (g *Guard) Reconsider(own []string, moves func(label string) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.own, g.moves = own, moves
}

// Observe shows the guard the labels of a container, of as many as exist, and returns the
// labels that have too many values since now.
func (g *Guard) Observe(now time.Time, of *logs.Labels, containers int) (found []Explosion) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range []*logs.Labels{of, of.Stderr} {
		if l == nil {
			continue
		}
		for _, p := range l.Pairs {
			if g.see(now, p, g.limitOf(p.Name, containers)) {
				found = append(found, g.describe(p.Name))
			}
		}
	}
	return found
}

// limitOf is how many values a label may have.
func (g *Guard) limitOf(label string, containers int) int {
	if slices.Contains(g.own, label) {
		return g.limit + containers
	}
	return g.limit
}

// see notes a value, and reports whether its label has too many since now; the lock is held.
func (g *Guard) see(now time.Time, p logs.Label, limit int) bool {
	w := g.labels[p.Name]
	if w == nil {
		if len(g.labels) >= maxWatched {
			return false
		}
		w = &watched{values: make(map[string]time.Time)}
		g.labels[p.Name] = w
	}
	if _, again := w.values[p.Value]; !again && len(w.values) >= limit {
		w.forget(now)
		if len(w.values) > limit {
			return false // that there are too many is known
		}
	}
	w.values[p.Value] = now
	if w.exploded || len(w.values) <= limit {
		return false
	}
	w.exploded = true
	if g.moves(p.Name) {
		g.moved = append(g.moved, p.Name)
		slices.Sort(g.moved)
	}
	return true
}

// forget forgets the values that were not seen within the window.
func (w *watched) forget(now time.Time) {
	maps.DeleteFunc(w.values, func(_ string, seen time.Time) bool { return now.Sub(seen) > explosionWindow })
}

// Moved returns the labels that have become structured metadata, sorted.
func (g *Guard) Moved() []string {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.moved)
}

// Explosions returns the labels that have too many values now, by name, and those that have
// become structured metadata since they had.
func (g *Guard) Explosions(now time.Time, containers int) (out []Explosion) {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(g.labels)) {
		w := g.labels[name]
		w.forget(now)
		w.exploded = w.exploded && len(w.values) > g.limitOf(name, containers) || slices.Contains(g.moved, name)
		switch {
		case w.exploded:
			out = append(out, g.describe(name))
		case len(w.values) == 0:
			delete(g.labels, name)
		}
	}
	return out
}

// describe describes an explosion; the lock is held.
func (g *Guard) describe(name string) Explosion {
	values := slices.Sorted(maps.Keys(g.labels[name].values))
	examples := slices.Clone(values[:min(maxExamples, len(values))])
	for i, value := range examples {
		examples[i] = strings.ToValidUTF8(value[:min(len(value), 80)], "")
	}
	return Explosion{Label: name, Values: len(values), Examples: examples, Moved: slices.Contains(g.moved, name)}
}

// watch shows the guard the labels of a target, and logs what has too many values since now.
// The labels of all containers are decided anew if one of theirs becomes structured metadata.
func (d *Discovery) watch(t *Target) {
	guard := d.rules.Load().Guard
	if guard == nil || !t.Chosen() {
		return
	}
	d.mu.Lock()
	containers := len(d.targets())
	d.mu.Unlock()
	for _, e := range guard.Observe(time.Now(), t.Labels, containers) {
		d.config.Log.Warn("a label has very many values on this host: each makes a stream of its own in Loki, which becomes slow; make it structured metadata, or remove what changes from its value",
			"label", e.Label, "values", e.Values, "examples", e.Examples, "moved", e.Moved)
		if e.Moved {
			signal(d.updates)
		}
	}
}

// Explosions returns the labels that have too many values on this host.
func (d *Discovery) Explosions() []Explosion {
	d.mu.Lock()
	containers := len(d.targets())
	d.mu.Unlock()
	return d.rules.Load().Guard.Explosions(time.Now(), containers)
}
