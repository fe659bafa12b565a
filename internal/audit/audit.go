package audit

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// Config says what is compared of a container.
type Config struct {
	Source Source
	// Container is its ID. Entries that have another in structured metadata, or a label, of
	// the name IDName are not its.
	Container, IDName string
	// Naming are the labels by which entries are asked for, where all of them are there: the
	// first has to be. Without it that is all labels.
	Naming []string
	// From and To are Unix nanoseconds; To is the first that does not count.
	From, To int64
	// Examples bounds the examples of each kind.
	Examples int
	// Most bounds what is remembered of each side; 100,000 entries when 0.
	Most int
}

// remembered is how many entries of a side are remembered.
const remembered = 100_000

// Stored is an entry as Loki must have it.
type Stored struct {
	Time   int64
	Stream logs.Stream
	Text   []byte
	Labels *logs.Labels
	Tenant string
	// Waits says that it is still to be sent, if it is not there. Acknowledged, if it is not
	// nil, may be set later: then it is not.
	Waits        bool
	Acknowledged *bool
}

// Audit compares one container. It is for one goroutine.
type Audit struct {
	config Config
	Result
	// stored are entries of the log that Loki has not shown, found those of Loki that the log
	// has not.
	stored, found side
	recent        recent
	readers       []*reader
	known         map[string]bool
	selectors     map[*logs.Labels]string
	examples      map[Kind]int
	// young are those of found of which the log may soon show that it has had their text.
	young []*node
	added int64
	// first is where the comparison begins, once that is known, and edge tells of which
	// streams the first entry may lack lines.
	begun bool
	first int64
	// gone is the time before which Loki may have what the log has not any more. torn says that
	// it is not known yet, as all entries so far may have begun in what is gone.
	gone int64
	edge [logs.Streams]bool
	torn bool
}

// New makes one. Nothing is asked of Loki before the first entry.
func New(config Config) *Audit {
	config.Most = cmp.Or(config.Most, remembered)
	return &Audit{config: config, known: make(map[string]bool), selectors: make(map[*logs.Labels]string), examples: make(map[Kind]int)}
}

// Begin says that the log begins at a time. cut says that there may have been lines before it,
// of which Loki may have some, and torn that the first entry of a stream may be the rest of one
// that began there: lines may be joined, and long ones are stored in parts that have the time of
// the first. Such an entry is not compared.
func (a *Audit) Begin(at int64, cut, torn bool) {
	a.begun, a.first, a.gone = true, max(a.config.From, at-moved), at
	if cut && at >= a.config.From {
		a.first, a.gone, a.edge, a.torn = at, at+1, [logs.Streams]bool{torn, torn}, torn
	}
}

// moved is how far before the log a stage may move an entry that is compared.
const moved = int64(24 * time.Hour)

// Add takes an entry, in the order of the log.
func (a *Audit) Add(ctx context.Context, e Stored) error {
	if !a.begun {
		a.Begin(e.Time, false, false)
	}
	switch {
	case e.Time < a.config.From, e.Time >= a.config.To:
		return nil
	case e.Time < a.first: // a stage has given it a time from before what is there
		a.Edge++
		return nil
	}
	if err := a.open(ctx, e); err != nil {
		return err
	}
	if err := a.advance(e.Time); err != nil {
		return err
	}
	first := a.edge[e.Stream]
	a.edge[e.Stream] = false
	if a.torn { // what was written between its beginning and its end may be gone
		a.gone, a.torn = max(a.gone, e.Time), first
	}
	hash := xxhash.Sum64(e.Text)
	a.recent.add(hash)
	a.judge()
	if a.found.take(e.Time, hash) != nil {
		a.Entries++
		a.Found++
		return nil
	}
	if first {
		a.Edge++
		return nil
	}
	a.Entries++
	n := &node{time: e.Time, hash: hash, text: Excerpt(e.Text), stream: e.Stream.String(), waits: e.Waits, acknowledged: e.Acknowledged}
	if a.stored.add(n) > a.config.Most {
		a.miss(a.stored.oldest())
	}
	return nil
}

// judge notes of entries that the log has not shown for a while whether it has had their text.
func (a *Audit) judge() {
	a.added++
	for len(a.young) > 0 {
		n := a.young[0]
		if !n.gone {
			if a.added-n.came < half/4 {
				return
			}
			n.again = n.again || a.recent.has(n.hash)
		}
		a.young[0] = nil
		a.young = a.young[1:]
	}
}

// take takes an entry of Loki.
func (a *Audit) take(e *lokiquery.Entry) {
	hash := xxhash.Sum64String(e.Line)
	if a.stored.take(e.Time, hash) != nil {
		a.Found++
		return
	}
	n := &node{time: e.Time, hash: hash, line: cut(e.Line), labels: e.Labels, came: a.added, again: a.recent.has(hash)}
	if len(a.young) > 2*a.found.live+1024 { // the log may be at its end, or one stay in front
		a.young = slices.DeleteFunc(a.young, func(n *node) bool { return n.gone })
	}
	a.young = append(a.young, n)
	if a.found.add(n) > a.config.Most {
		a.tooMuch(a.found.oldest())
	}
}

// miss decides about an entry that Loki does not have.
func (a *Audit) miss(n *node) {
	const most = 64
	other := a.found.at(n.time)
	for range most { // all of many may be twice
		if other == nil {
			break
		}
		if !a.twice(other) {
			a.change(n, other)
			a.found.remove(other)
			return
		}
		other = other.after()
	}
	kind := Missing
	if n.waits && (n.acknowledged == nil || !*n.acknowledged) {
		kind = Waiting
		a.Waiting++
	} else {
		a.Missing++
	}
	a.example(Example{Kind: kind, Time: n.time, Stream: n.stream, Text: n.text})
}

// tooMuch decides about an entry that the log does not have.
func (a *Audit) tooMuch(n *node) {
	kind := Strange
	switch other := a.stored.at(n.time); {
	case n.time < a.gone && other == nil:
		return // it may be of what is not there any more: rotated away, or truncated
	case a.twice(n):
		kind = Twice
		a.Twice++
	case other != nil:
		a.change(other, n)
		a.stored.remove(other)
		return
	default:
		a.Strange++
	}
	a.example(Example{Kind: kind, Time: n.time, Text: n.line, Labels: n.labels})
}

// change decides about an entry of the log that has another one of Loki in its place.
func (a *Audit) change(n, other *node) {
	a.Changed++
	a.example(Example{Kind: Changed, Time: n.time, Stream: n.stream, Text: n.text, Found: other.line, Labels: other.labels})
}

// twice reports whether the log has the text of an entry that it does not have, at another time.
func (a *Audit) twice(n *node) bool { return n.again || a.recent.has(n.hash) }

func (a *Audit) example(e Example) {
	if a.examples[e.Kind] < a.config.Examples {
		a.examples[e.Kind]++
		a.Examples = append(a.Examples, e)
	}
}

// End takes all that is left in Loki, and decides about all that is left.
func (a *Audit) End() error {
	if err := a.rest(); err != nil {
		return err
	}
	for n := a.stored.oldest(); n != nil; n = a.stored.oldest() {
		a.miss(n)
	}
	for n := a.found.oldest(); n != nil; n = a.found.oldest() {
		a.tooMuch(n)
	}
	return nil
}

func (a *Audit) rest() error {
	for {
		r, err := a.next()
		if err != nil || r == nil {
			return err
		}
		a.take(&r.entry)
		r.has = false
	}
}

// Close ends what is being read.
func (a *Audit) Close() {
	for _, r := range a.readers {
		r.stop()
	}
}
