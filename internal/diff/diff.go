package diff

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/lighterman/lighterman/internal/lokiquery"
)

// Source is where a side is read from: a lokiquery.Client, which alone says what its methods do.
type Source interface {
	Streams(ctx context.Context, selector string, from, to int64) ([]map[string]string, error)
	Page(ctx context.Context, q lokiquery.Query) ([]lokiquery.Entry, error)
	Entries(ctx context.Context, q lokiquery.Query) iter.Seq2[lokiquery.Entry, error]
}

// Diff says what to compare.
type Diff struct {
	// Sources are the left and the right one, Selectors what is compared of them, "" for all.
	Sources   [2]Source
	Selectors [2]string
	// From and To are Unix nanoseconds; To is the first that does not count.
	From, To int64
	// Ignored are labels that make no difference.
	Ignored []string
	// Metadata has structured metadata make a difference.
	Metadata bool
	// Examples bounds the examples of a stream and side.
	Examples int
	// Progress is called often; it may be nil.
	Progress func(Progress)
}

// Progress is how far it is.
type Progress struct {
	// Matching says that streams are being put together; then these are read.
	Matching      bool
	Streams, Done int
	Lines         int64
}

// Result is what belongs together.
type Result struct {
	// Common are the labels that all its streams have, Streams how many there are on each side.
	Common  map[string]string
	Streams [2]int
	Labels  []LabelDifference
	Count
}

// Same reports whether there is no difference.
func (r *Result) Same() bool { return r.OnlyLeft == 0 && r.OnlyRight == 0 && len(r.Labels) == 0 }

// ErrNothing says that there is nothing to compare.
var ErrNothing = errors.New("neither side has a line of this time: check the URLs, the tenants, the selectors and the time")

// Run compares, and hands out what belongs together, one after the other.
func (d *Diff) Run(ctx context.Context, visit func(*Result) error) error {
	var labels [2][]map[string]string
	for side := range labels {
		var err error
		if labels[side], err = d.Sources[side].Streams(ctx, d.Selectors[side], d.From, d.To); err != nil {
			return d.failed(Side(side), err)
		}
	}
	g := newGrouping(labels[Left], labels[Right], d.Ignored)
	if err := d.match(ctx, g); err != nil {
		return err
	}
	names := namesOf(g.streams)
	progress, found := Progress{}, false
	groups := g.groups()
	progress.Streams = len(groups)
	for _, group := range groups {
		c := &counter{examples: d.Examples, metadata: d.Metadata, ignored: g.ignored, progress: func(lines int) {
			progress.Lines += int64(lines)
			d.report(progress)
		}}
		if err := c.compare(d.side(ctx, Left, group, names), d.side(ctx, Right, group, names)); err != nil {
			return err
		}
		progress.Done++
		d.report(progress)
		r := &Result{Common: common(group), Count: c.Count, Labels: differences(group, g.ignored)}
		for _, s := range group {
			r.Streams[s.side]++
		}
		if r.Both+r.OnlyLeft+r.OnlyRight == 0 {
			continue // a stream that has entries of another time only
		}
		found = true
		if err := visit(r); err != nil {
			return err
		}
	}
	if !found {
		return ErrNothing
	}
	return nil
}

func (d *Diff) report(p Progress) {
	if d.Progress != nil {
		d.Progress(p)
	}
}

func (d *Diff) failed(side Side, err error) error { return fmt.Errorf("%s: %w", side, err) }

const (
	// page is how many entries of one stream are held, unless there are many to be merged.
	page = 5000
	// smallest bounds the pages of streams that are merged.
	smallest = 100
)

// side are the entries of one side of a group.
func (d *Diff) side(ctx context.Context, side Side, group []stream, names [2][]string) entries {
	own := slices.DeleteFunc(slices.Clone(group), func(s stream) bool { return s.side != side })
	if len(own) == 0 {
		return func(func(lokiquery.Entry, error) bool) {}
	}
	all := make([]entries, 0, len(own))
	for _, s := range own {
		q := lokiquery.Query{
			Selector: lokiquery.Selector(s.labels, names[side]), From: d.From, To: d.To, Limit: max(smallest, page/len(own)),
		}
		all = append(all, d.Sources[side].Entries(ctx, q))
	}
	entries := merged(all)
	return func(yield func(lokiquery.Entry, error) bool) {
		for e, err := range entries {
			if err != nil {
				err = d.failed(side, err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// namesOf are the names of labels that streams of each side have.
func namesOf(all []stream) (names [2][]string) {
	seen := [2]map[string]bool{make(map[string]bool), make(map[string]bool)}
	for _, s := range all {
		for name := range s.labels {
			if !seen[s.side][name] {
				seen[s.side][name] = true
				names[s.side] = append(names[s.side], name)
			}
		}
	}
	slices.Sort(names[Left])
	slices.Sort(names[Right])
	return names
}
