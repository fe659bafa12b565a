package audit

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// SequenceConfig says what is compared of a log whose lines have no time.
type SequenceConfig struct {
	Source Source
	// Naming are the labels by which entries are asked for, as in Config.
	Naming []string
	// From and To are Unix nanoseconds; To is the first that does not count.
	From, To int64
	// Whole says that all of the log was sent since From. Otherwise its beginning may have been
	// sent before, and what Loki does not have of that is passed over.
	Whole bool
	// Before is the time up to which Loki may have entries of a log before this one with these
	// labels, and After that from which it may have those of one after it; 0 for none.
	Before, After int64
	// Newest is the time of the newest entry that was acknowledged; 0 where that is not known.
	Newest int64
	// Examples bounds the examples of each kind.
	Examples int
	// Most bounds what is remembered of each side; 100,000 entries when 0.
	Most int
}

// others reports whether an entry of a time may be another log's.
func (c *SequenceConfig) others(at int64) bool {
	return at <= c.Before || c.After > 0 && at >= c.After
}

// Sequence compares a log whose lines have no time of their own. They are sent in their order,
// with times that only rise: so those of Loki, in the order of time, have to be the same ones.
//
// It is run over the log twice, unless that is whole: where in the log the time that counts begins
// is known by how many entries Loki has of it.
type Sequence struct {
	config SequenceConfig
	Result Result
	lanes  map[string]*lane
	// known are those of labels that were seen lately.
	known map[laneOf]*lane
	// order are the lanes in the order in which they came.
	order    []*lane
	examples map[Kind]int
	// gaps counts the places in which the two sides differ.
	gaps int
}

// NewSequence makes one. Nothing is asked of Loki before the first entry.
func NewSequence(config SequenceConfig) *Sequence {
	config.Most = cmp.Or(config.Most, remembered)
	return &Sequence{config: config, lanes: make(map[string]*lane), known: make(map[laneOf]*lane), examples: make(map[Kind]int)}
}

type laneOf struct {
	labels *logs.Labels
	tenant string
}

// Count counts an entry, in a first run over the log.
func (s *Sequence) Count(ctx context.Context, e Stored) error {
	l, err := s.lane(ctx, e)
	if err == nil && !e.Waits {
		l.counts.stored++
	}
	return err
}

// Counted ends the first run.
func (s *Sequence) Counted() error {
	for _, l := range s.order {
		for e, err := range l.source() {
			if err != nil {
				return err
			}
			if !s.config.others(e.Time) && l.reader.wants(&e) {
				l.counts.found++
			}
		}
		// The last one was acknowledged, and is not passed over.
		l.skip.stored = max(0, min(l.counts.stored-l.counts.found, l.counts.stored-1))
		l.skip.found = max(0, l.counts.found-l.counts.stored)
	}
	return nil
}

// Add takes an entry, in the order of the log.
func (s *Sequence) Add(ctx context.Context, e Stored) error {
	l, err := s.lane(ctx, e)
	if err != nil {
		return err
	}
	if l.skip.stored > 0 {
		l.skip.stored--
		s.Result.Edge++
		return nil
	}
	hash := xxhash.Sum64(e.Text)
	l.recent.add(hash)
	if l.stored.len() == 0 { // nearly always
		switch next, err := l.peek(); {
		case err != nil:
			return err
		case next != nil && next.hash == hash:
			l.match()
			s.Result.Entries++
			return nil
		}
	}
	n := &item{hash: hash, text: Excerpt(e.Text), stream: e.Stream, waits: e.Waits}
	l.stored.push(n)
	if !e.Waits {
		l.newest = n
	}
	if l.stored.len() < l.window {
		return nil
	}
	return l.align(false)
}

// Begun reports whether what is before the time that counts was passed over.
func (s *Sequence) Begun() bool {
	return !slices.ContainsFunc(s.order, func(l *lane) bool { return l.skip.stored > 0 })
}

// lane is the one of an entry.
func (s *Sequence) lane(ctx context.Context, e Stored) (l *lane, err error) {
	of := laneOf{e.Labels, e.Tenant}
	if l = s.known[of]; l != nil {
		return l, nil
	}
	if l, err = s.find(ctx, e); err == nil {
		if len(s.known) >= 1024 { // a stage makes very many
			clear(s.known)
		}
		s.known[of] = l
	}
	return l, err
}

func (s *Sequence) find(ctx context.Context, e Stored) (*lane, error) {
	selector := Selector(e.Labels, e.Stream, s.config.Naming)
	key := e.Tenant + "\x00" + selector
	if l := s.lanes[key]; l != nil {
		return l, nil
	}
	if len(s.lanes) == maxReaders {
		return nil, fmt.Errorf("its lines are in more than %d streams without the label %s: keep that label to compare them", maxReaders, s.config.Naming[0])
	}
	l := &lane{of: s, window: leastWindow, time: s.config.From}
	if !named(e.Labels, s.config.Naming) {
		l.reader.only = e.Labels
	}
	l.source = func() iter.Seq2[lokiquery.Entry, error] {
		return s.config.Source(ctx, e.Tenant, lokiquery.Query{Selector: selector, From: s.config.From, To: s.config.To})
	}
	s.lanes[key], s.order = l, append(s.order, l)
	return l, nil
}

func (s *Sequence) example(e Example) {
	if s.examples[e.Kind] < s.config.Examples {
		s.examples[e.Kind]++
		s.Result.Examples = append(s.Result.Examples, e)
	}
}

// End takes all that is left, and decides about it.
func (s *Sequence) End() error {
	for _, l := range s.order {
		if err := l.align(true); err != nil {
			return err
		}
		for {
			next, err := l.peek()
			if err != nil {
				return err
			}
			if next == nil {
				break
			}
			l.gap(0, l.found.len())
		}
		l.settle()
	}
	return nil
}

// Close ends what is being read.
func (s *Sequence) Close() {
	for _, l := range s.order {
		if l.reader.stop != nil {
			l.reader.stop()
		}
	}
}
