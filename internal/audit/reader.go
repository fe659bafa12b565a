package audit

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// Source reads what a tenant has in Loki; the tenant is empty for the configured one. A
// lokiquery.Client does it for one of them.
type Source func(ctx context.Context, tenant string, q lokiquery.Query) iter.Seq2[lokiquery.Entry, error]

// streams are those of Loki's that are read.
type streams struct {
	readers []*reader
	// known are those that are read, by tenant and selector, and selectors those of labels.
	known     map[string]bool
	selectors map[*logs.Labels]string
}

func newStreams() streams {
	return streams{known: make(map[string]bool), selectors: make(map[*logs.Labels]string)}
}

// open begins to read entries like this one from a time on, if nothing of them is being read.
func (s *streams) open(ctx context.Context, of *Config, from int64, e Stored) error {
	selector, known := s.selectors[e.Labels]
	if !known {
		if len(s.selectors) >= 1024 { // a stage makes very many
			clear(s.selectors)
		}
		selector = Selector(e.Labels, e.Stream, of.Naming)
		s.selectors[e.Labels] = selector
	}
	key := e.Tenant + "\x00" + selector
	if s.known[key] {
		return nil
	}
	if len(s.known) == maxReaders {
		return fmt.Errorf("its lines are in more than %d streams without the label %s: keep that label to compare them", maxReaders, strings.Join(of.Naming[:min(1, len(of.Naming))], ""))
	}
	s.known[key] = true
	next, stop := iter.Pull2(of.Source(ctx, e.Tenant, lokiquery.Query{Selector: selector, From: from, To: of.To}))
	r := &reader{next: next, stop: stop}
	if !named(e.Labels, of.Naming) {
		r.only = e.Labels
	}
	s.readers = append(s.readers, r)
	return nil
}

// maxReaders bounds what is read from Loki at a time, a page of each.
const maxReaders = 64

// Selector names the streams in which entries of labels are: by those of naming, where the
// first of them is there, and by all of them otherwise.
func Selector(l *logs.Labels, s logs.Stream, naming []string) string {
	set := make(map[string]string)
	if !named(l, naming) {
		for _, p := range l.Of(s).Pairs {
			set[p.Name] = p.Value
		}
		if len(set) == 0 && !l.Of(s).Whole {
			set["stream"] = s.String() // Loki wants one at least
		}
		return lokiquery.Selector(set, nil)
	}
	for _, name := range naming {
		if value := l.Value(name, s); value != "" {
			set[name] = value
		}
	}
	return lokiquery.Selector(set, nil)
}

// named reports whether labels have the one that names the container.
func named(l *logs.Labels, naming []string) bool {
	return len(naming) > 0 && l.Get(naming[0]) != ""
}

// advance takes what Loki has up to a time.
func (a *Audit) advance(to int64) error {
	for {
		r, err := a.streams.next(&a.config)
		if err != nil || r == nil || r.entry.Time > to {
			return err
		}
		if a.found.live >= a.config.Most && a.stored.live < a.config.Most {
			return nil // it is far ahead of the log
		}
		a.take(&r.entry)
		r.has = false
	}
}

// next is the reader with the oldest entry; nil for none.
func (s *streams) next(of *Config) (oldest *reader, err error) {
	for _, r := range s.readers {
		for !r.has && !r.over {
			if err := r.read(); err != nil {
				return nil, err
			}
			r.has = r.has && of.own(&r.entry) && r.wants(&r.entry)
		}
		if r.has && (oldest == nil || r.entry.Time < oldest.entry.Time) {
			oldest = r
		}
	}
	return oldest, nil
}

// own reports whether an entry is not another container's.
func (c *Config) own(e *lokiquery.Entry) bool {
	id := cmp.Or(e.Metadata[c.IDName], e.Labels[c.IDName])
	return id == "" || id == c.Container
}

func (s *streams) close() {
	for _, r := range s.readers {
		r.stop()
	}
}

// reader reads from Loki, one entry ahead.
type reader struct {
	next  func() (lokiquery.Entry, error, bool)
	stop  func()
	entry lokiquery.Entry
	// only are the labels that entries must have, and no others; nil for any.
	only      *logs.Labels
	has, over bool
}

// wants reports whether an entry is not another reader's: of a selector without the name of the
// container there may be several, and the streams of one among those of another.
func (r *reader) wants(e *lokiquery.Entry) bool {
	if r.only == nil {
		return true
	}
	n := len(r.only.Pairs)
	for _, added := range []string{"stream", "service_name"} { // by us, and by Loki
		if e.Labels[added] != "" && r.only.Get(added) == "" {
			n++
		}
	}
	return len(e.Labels) == n // what the selector has, they have
}

func (r *reader) read() error {
	e, err, more := r.next()
	r.entry, r.has, r.over = e, more && err == nil, !more || err != nil
	return err
}
