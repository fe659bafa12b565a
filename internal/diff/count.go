package diff

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/lokiquery"
)

// entries are those of one side, in the order of time.
type entries = iter.Seq2[lokiquery.Entry, error]

// Count is what two sides have of streams that belong together.
type Count struct {
	// Both is how many lines are on both sides, OnlyLeft and OnlyRight how many are not.
	Both, OnlyLeft, OnlyRight int64
	// Examples are some of those that are on one side.
	Examples []Example
}

// Example is a line that only one side has.
type Example struct {
	Side Side
	Time int64
	// Line is its beginning, and Cut says that it is longer.
	Line string
	Cut  bool
}

// Side is one of the two.
type Side int

// The sides.
const (
	Left Side = iota
	Right
)

// String returns "left" or "right".
func (s Side) String() string { return [...]string{"left", "right"}[s] }

func (s Side) other() Side { return 1 - s }

// longestExample bounds an example, in bytes.
const longestExample = 200

// counter counts what two sides have, and keeps some examples of each.
type counter struct {
	Count
	examples int
	kept     [2]int
	// metadata has entries that differ in their structured metadata be different, without
	// what is ignored.
	metadata bool
	ignored  []string
	progress func(lines int)
}

// compare reads both sides to their ends.
func (c *counter) compare(left, right entries) error {
	nextLeft, stopLeft := iter.Pull2(left)
	defer stopLeft()
	nextRight, stopRight := iter.Pull2(right)
	defer stopRight()
	a, b := &moment{next: nextLeft}, &moment{next: nextRight}
	if err := a.advance(); err != nil {
		return err
	}
	if err := b.advance(); err != nil {
		return err
	}
	for len(a.all) > 0 || len(b.all) > 0 {
		var ours, theirs []lokiquery.Entry
		first := a.all
		if len(a.all) == 0 || len(b.all) > 0 && b.all[0].Time < a.all[0].Time {
			first = b.all
		}
		at := first[0].Time
		if len(a.all) > 0 && a.all[0].Time == at {
			ours = a.all
		}
		if len(b.all) > 0 && b.all[0].Time == at {
			theirs = b.all
		}
		c.at(ours, theirs)
		if ours != nil {
			if err := a.advance(); err != nil {
				return err
			}
		}
		if theirs != nil {
			if err := b.advance(); err != nil {
				return err
			}
		}
	}
	return nil
}

// at compares the entries of one moment.
func (c *counter) at(left, right []lokiquery.Entry) {
	c.progress(len(left) + len(right))
	if len(left) == 1 && len(right) == 1 && c.key(left[0]) == c.key(right[0]) {
		c.Both++
		return
	}
	there := make(map[string]int, len(right))
	for _, e := range right {
		there[c.key(e)]++
	}
	for _, e := range left {
		if k := c.key(e); there[k] > 0 {
			there[k]--
			c.Both++
			continue
		}
		c.OnlyLeft++
		c.keep(Left, e)
	}
	for _, e := range right {
		if k := c.key(e); there[k] > 0 {
			there[k]--
			c.OnlyRight++
			c.keep(Right, e)
		}
	}
}

// key is what is compared of an entry besides its time. Lines may hold any byte: how long one is
// tells it from the metadata behind it.
func (c *counter) key(e lokiquery.Entry) string {
	if !c.metadata {
		return e.Line
	}
	var b strings.Builder
	b.WriteString(strconv.Itoa(len(e.Line)) + " " + e.Line)
	for _, name := range slices.Sorted(maps.Keys(e.Metadata)) {
		if !slices.Contains(c.ignored, name) {
			b.WriteString(strconv.Quote(name) + strconv.Quote(e.Metadata[name]))
		}
	}
	return b.String()
}

func (c *counter) keep(side Side, e lokiquery.Entry) {
	if c.kept[side] == c.examples {
		return
	}
	c.kept[side]++
	line := e.Line
	if len(line) > longestExample {
		line = line[:longestExample]
	}
	// The rest of the line is not to be kept with it.
	kept := strings.Clone(strings.ToValidUTF8(line, "\uFFFD"))
	c.Examples = append(c.Examples, Example{side, e.Time, kept, len(line) < len(e.Line)})
}

// moment has all entries of a side that have the next time.
type moment struct {
	next   func() (lokiquery.Entry, error, bool)
	all    []lokiquery.Entry
	behind []lokiquery.Entry // the first of the time after it, or none
}

// advance goes on to the next time. Without one there are no entries.
func (m *moment) advance() error {
	m.all, m.behind = append(m.all[:0], m.behind...), m.behind[:0]
	for {
		e, err, more := m.next()
		switch {
		case err != nil:
			return err
		case !more:
			return nil
		case len(m.all) > 0 && e.Time != m.all[0].Time:
			m.behind = append(m.behind, e)
			return nil
		}
		m.all = append(m.all, e)
	}
}

// merged are the entries of several streams in the order of time.
func merged(all []entries) entries {
	if len(all) == 1 {
		return all[0]
	}
	return func(yield func(lokiquery.Entry, error) bool) {
		type head struct {
			next  func() (lokiquery.Entry, error, bool)
			entry lokiquery.Entry
		}
		var heads []head
		var stops []func()
		defer func() {
			for _, stop := range stops {
				stop()
			}
		}()
		for _, s := range all {
			next, stop := iter.Pull2(s)
			stops = append(stops, stop)
			e, err, more := next()
			if err != nil {
				yield(e, err)
				return
			}
			if more {
				heads = append(heads, head{next, e})
			}
		}
		for len(heads) > 0 {
			first := 0
			for i := range heads {
				if heads[i].entry.Time < heads[first].entry.Time {
					first = i
				}
			}
			h := &heads[first]
			if !yield(h.entry, nil) {
				return
			}
			e, err, more := h.next()
			switch {
			case err != nil:
				yield(e, err)
				return
			case more:
				h.entry = e
			default:
				heads = slices.Delete(heads, first, first+1)
			}
		}
	}
}
