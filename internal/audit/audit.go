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
	Result Result
	// stored are entries of the log that Loki has not shown, found those of Loki that the log
	// has not.
	stored, found side
	recent        recent
	streams       streams
	examples      map[Kind]int
	// young are those of found of which the log may soon show that it has had their text.
	young []*node
	added int64
	begin beginning
}

// beginning is where a log begins, and what of Loki's may be from before it.
type beginning struct {
	// known says that first is: where the comparison begins.
	known bool
	first int64
	// gone is the time before which Loki may have what the log has not any more. torn says that
	// it is not known yet, as all entries so far may have begun in what is gone.
	gone int64
	torn bool
	// edge tells of which streams the first entry may lack lines.
	edge [logs.Streams]bool
}

// pass is told of each entry, and reports whether it may lack lines.
func (b *beginning) pass(e *Stored) (lacks bool) {
	lacks = b.edge[e.Stream]
	b.edge[e.Stream] = false
	if b.torn { // what was written between its beginning and its end may be gone
		b.gone, b.torn = max(b.gone, e.Time), lacks
	}
	return lacks
}

// New makes one. Nothing is asked of Loki before the first entry.
func New(config Config) *Audit {
	config.Most = cmp.Or(config.Most, remembered)
	return &Audit{config: config, streams: newStreams(), examples: make(map[Kind]int)}
}

// Begin says that the log begins at a time. cut says that there may have been lines before it,
// of which Loki may have some, and torn that the first entry of a stream may be the rest of one
// that began there: lines may be joined, and long ones are stored in parts that have the time of
// the first. Such an entry is not compared.
func (a *Audit) Begin(at int64, cut, torn bool) {
	a.begin = beginning{known: true, first: max(a.config.From, at-moved), gone: at}
	if cut && at >= a.config.From {
		a.begin = beginning{known: true, first: at, gone: at + 1, torn: torn, edge: [logs.Streams]bool{torn, torn}}
	}
}

// moved is how far before the log a stage may move an entry that is compared.
const moved = int64(24 * time.Hour)

// Add takes an entry, in the order of the log.
func (a *Audit) Add(ctx context.Context, e Stored) error {
	if !a.begin.known {
		a.Begin(e.Time, false, false)
	}
	switch {
	case e.Time < a.config.From, e.Time >= a.config.To:
		return nil
	case e.Time < a.begin.first: // a stage has given it a time from before what is there
		a.Result.Edge++
		return nil
	}
	if err := a.streams.open(ctx, &a.config, a.begin.first, e); err != nil {
		return err
	}
	if err := a.advance(e.Time); err != nil {
		return err
	}
	lacks := a.begin.pass(&e)
	hash := xxhash.Sum64(e.Text)
	a.recent.add(hash)
	a.judge()
	if a.found.take(e.Time, hash) != nil {
		a.Result.Entries++
		a.Result.Found++
		return nil
	}
	if lacks {
		a.Result.Edge++
		return nil
	}
	a.Result.Entries++
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
		a.Result.Found++
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
		a.Result.Waiting++
	} else {
		a.Result.Missing++
	}
	a.example(Example{Kind: kind, Time: n.time, Stream: n.stream, Text: n.text})
}

// tooMuch decides about an entry that the log does not have.
func (a *Audit) tooMuch(n *node) {
	kind := Strange
	switch other := a.stored.at(n.time); {
	case n.time < a.begin.gone && other == nil:
		return // it may be of what is not there any more: rotated away, or truncated
	case a.twice(n):
		kind = Twice
		a.Result.Twice++
	case other != nil:
		a.change(other, n)
		a.stored.remove(other)
		return
	default:
		a.Result.Strange++
	}
	a.example(Example{Kind: kind, Time: n.time, Text: n.line, Labels: n.labels})
}

// change decides about an entry of the log that has another one of Loki in its place.
func (a *Audit) change(n, other *node) {
	a.Result.Changed++
	a.example(Example{Kind: Changed, Time: n.time, Stream: n.stream, Text: n.text, Found: other.line, Labels: other.labels})
}

// twice reports whether the log has the text of an entry that it does not have, at another time.
func (a *Audit) twice(n *node) bool { return n.again || a.recent.has(n.hash) }

func (a *Audit) example(e Example) {
	if a.examples[e.Kind] < a.config.Examples {
		a.examples[e.Kind]++
		a.Result.Examples = append(a.Result.Examples, e)
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
		r, err := a.streams.next(&a.config)
		if err != nil || r == nil {
			return err
		}
		a.take(&r.entry)
		r.has = false
	}
}

// Close ends what is being read.
func (a *Audit) Close() { a.streams.close() }
