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

// Bounds of what is remembered.
const (
	// cardinalityLimit is how many values a label may have within cardinalityWindow.
	cardinalityLimit  = 100
	cardinalityWindow = 24 * time.Hour
	// maxWatched bounds the labels that are watched, and maxExamples the values that are
	// shown of one.
	maxWatched  = 1000
	maxExamples = 5
)

// Cardinality watches over the values of labels: each is a stream of its own in Loki, which
// becomes slow, and then refuses, when a label has a value for each container or deployment
// that ever was. It depends on nothing but what it is shown and when.
type Cardinality struct {
	limit int
	// own are the labels that may have one more value for each container that exists, as
	// that is what they are for.
	own []string
	// moves reports whether a label is to become structured metadata; nil for none.
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
	values map[string]time.Time
	high   bool
}

// HighCardinality is a label that had more values within a day than it should.
type HighCardinality struct {
	Label string
	// Values is how many there were, as far as they were counted, and Examples are some.
	Values   int
	Examples []string
	// Moved reports whether the label has become structured metadata.
	Moved bool
}

// String says in words what there is.
func (e HighCardinality) String() string {
	if e.Moved {
		return fmt.Sprintf("label %s had very many values within a day and is structured metadata now", e.Label)
	}
	return fmt.Sprintf("label %s had %d values or more within a day (such as %s): each makes a stream of its own in Loki", e.Label, e.Values, strings.Join(e.Examples, ", "))
}

// NewCardinality makes one for labels of up to a number of values, cardinalityLimit when 0. own
// are those that name containers, and may have one more for each. moves says which of those
// that have more become structured metadata; nil for none.
func NewCardinality(limit int, own []string, moves func(label string) bool) *Cardinality {
	if limit == 0 {
		limit = cardinalityLimit
	}
	return &Cardinality{limit: limit, own: own, moves: moves, labels: make(map[string]*watched)}
}

// Reconsider changes what NewCardinality was told, for what is shown from now on. What has become
// structured metadata stays it.
func (c *Cardinality) Reconsider(own []string, moves func(label string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own, c.moves = own, moves
}

// Moves reports whether any label becomes structured metadata when it has too many values.
func (c *Cardinality) Moves() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moves != nil
}

// Observe shows it the labels of a container, of as many as exist, and returns the
// labels that have too many values since now.
func (c *Cardinality) Observe(now time.Time, of *logs.Labels, containers int) (found []HighCardinality) {
	names, moves := c.tooMany(now, of, containers)
	for _, name := range names {
		found = append(found, c.found(name, moves != nil && moves(name)))
	}
	return found
}

// tooMany notes the labels of a container, and returns those that have too many values since
// now, and what says which of them become structured metadata.
func (c *Cardinality) tooMany(now time.Time, of *logs.Labels, containers int) (names []string, moves func(string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range []*logs.Labels{of, of.Stderr} {
		if l == nil {
			continue
		}
		for _, p := range l.Pairs {
			if c.see(now, p, c.limitOf(p.Name, containers)) {
				names = append(names, p.Name)
			}
		}
	}
	return names, c.moves
}

// found describes a label that has too many values, and notes whether it becomes structured
// metadata.
func (c *Cardinality) found(name string, moves bool) HighCardinality {
	c.mu.Lock()
	defer c.mu.Unlock()
	if moves {
		c.moved = append(c.moved, name)
		slices.Sort(c.moved)
	}
	if c.labels[name] == nil { // they were forgotten meanwhile
		c.labels[name] = &watched{values: make(map[string]time.Time)}
	}
	return c.describe(name)
}

// limitOf is how many values a label may have.
func (c *Cardinality) limitOf(label string, containers int) int {
	if slices.Contains(c.own, label) {
		return c.limit + containers
	}
	return c.limit
}

// see notes a value, and reports whether its label has too many since now; the lock is held.
func (c *Cardinality) see(now time.Time, p logs.Label, limit int) bool {
	w := c.labels[p.Name]
	if w == nil {
		if len(c.labels) >= maxWatched {
			return false
		}
		w = &watched{values: make(map[string]time.Time)}
		c.labels[p.Name] = w
	}
	if _, again := w.values[p.Value]; !again && len(w.values) >= limit {
		w.forget(now)
		if len(w.values) > limit {
			return false // that there are too many is known
		}
	}
	w.values[p.Value] = now
	if w.high || len(w.values) <= limit {
		return false
	}
	w.high = true
	return true
}

// forget forgets the values that were not seen within the window.
func (w *watched) forget(now time.Time) {
	maps.DeleteFunc(w.values, func(_ string, seen time.Time) bool { return now.Sub(seen) > cardinalityWindow })
}

// Moved returns the labels that have become structured metadata, sorted.
func (c *Cardinality) Moved() []string {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.moved)
}

// High returns the labels that have too many values now, by name, and those that have
// become structured metadata since they had.
func (c *Cardinality) High(now time.Time, containers int) (out []HighCardinality) {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(c.labels)) {
		w := c.labels[name]
		w.forget(now)
		w.high = w.high && len(w.values) > c.limitOf(name, containers) || slices.Contains(c.moved, name)
		switch {
		case w.high:
			out = append(out, c.describe(name))
		case len(w.values) == 0:
			delete(c.labels, name)
		}
	}
	return out
}

// describe describes a label with too many values; the lock is held.
func (c *Cardinality) describe(name string) HighCardinality {
	values := slices.Sorted(maps.Keys(c.labels[name].values))
	examples := slices.Clone(values[:min(maxExamples, len(values))])
	for i, value := range examples {
		examples[i] = strings.ToValidUTF8(value[:min(len(value), 80)], "")
	}
	return HighCardinality{Label: name, Values: len(values), Examples: examples, Moved: slices.Contains(c.moved, name)}
}

// watch shows Cardinality the labels of a target, and logs what has too many values since now.
// The labels of all containers are decided anew if one of theirs becomes structured metadata.
func (d *Discovery) watch(t *Target) {
	cardinality := d.rules.Load().Cardinality
	if cardinality == nil || !t.Chosen() {
		return
	}
	d.mu.Lock()
	containers := len(d.containers) // counting those that are known for each of thousands took a third of a start
	d.mu.Unlock()
	for _, e := range cardinality.Observe(time.Now(), t.Labels, containers) {
		d.config.Log.Warn("a label has very many values on this host: each makes a stream of its own in Loki, which becomes slow; make it structured metadata, or remove what changes from its value",
			"label", e.Label, "values", e.Values, "examples", e.Examples, "moved", e.Moved)
		if e.Moved {
			signal(d.updates)
		}
	}
}

// HighCardinality returns the labels that have too many values on this host.
func (d *Discovery) HighCardinality() []HighCardinality {
	d.mu.Lock()
	containers := len(d.targets())
	d.mu.Unlock()
	return d.rules.Load().Cardinality.High(time.Now(), containers)
}
