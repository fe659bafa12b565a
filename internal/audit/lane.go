package audit

import (
	"iter"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// lane is what is in streams that are asked for at once.
type lane struct {
	of     *Sequence
	source func() iter.Seq2[lokiquery.Entry, error]
	reader reader
	// stored and found are what comes next, of the log and of Loki.
	stored, found queue
	// window is how far is looked for the place at which both sides go on.
	window int
	// begun is set when both were found to have an entry.
	begun bool
	// counts are how many entries either side has, and skip how many are passed over at the
	// beginning.
	counts, skip sides
	// newest is the newest entry of the log that was acknowledged, of those that were looked for.
	newest *item
	// time is that of the newest entry that both have.
	time   int64
	recent recent
	late   late
}

type sides struct{ stored, found int64 }

// item is an entry of one side. gap is where it was not in its place.
type item struct {
	hash   uint64
	text   string
	time   int64
	stream logs.Stream
	labels map[string]string
	waits  bool
	again  bool
	gone   bool
	gap    int
}

// leastWindow is how far is looked at first where the two sides differ.
const leastWindow = 64

// peek is the next entry of Loki; nil for none.
func (l *lane) peek() (*item, error) {
	if l.found.len() == 0 {
		if err := l.fill(1); err != nil || l.found.len() == 0 {
			return nil, err
		}
	}
	return l.found.at(0), nil
}

// fill reads from Loki until there are so many entries, or no more.
func (l *lane) fill(to int) error {
	if l.reader.next == nil {
		l.reader.next, l.reader.stop = iter.Pull2(l.source())
	}
	for l.found.len() < to && !l.reader.over {
		if err := l.reader.read(); err != nil {
			return err
		}
		if !l.reader.has {
			return nil
		}
		e := &l.reader.entry
		if !l.reader.wants(e) {
			continue
		}
		if l.skip.found > 0 && !l.of.config.others(e.Time) {
			l.skip.found--
			continue
		}
		l.found.push(&item{hash: xxhash.Sum64String(e.Line), text: cut(e.Line), time: e.Time, labels: e.Labels})
	}
	return nil
}

// match takes the next entry of both.
func (l *lane) match() {
	l.begun, l.time, l.window = true, l.found.at(0).time, leastWindow
	l.found.drop(1)
	l.of.Result.Found++
}

// align finds where both sides go on together. Not at the end it may wait for more of the log.
func (l *lane) align(end bool) error {
	for l.stored.len() > 0 {
		next, err := l.peek()
		switch {
		case err != nil:
			return err
		case next == nil: // nothing more is in Loki
			l.gap(l.stored.len(), 0)
			return nil
		case next.hash == l.stored.at(0).hash:
			l.match()
			l.stored.drop(1)
			l.of.Result.Entries++
			continue
		case l.stored.len() < l.window && !end:
			return nil
		}
		if err := l.fill(l.window); err != nil {
			return err
		}
		i, j, is := l.meet()
		wider := l.window < l.of.config.Most && (l.found.len() >= l.window || l.stored.len() >= l.window)
		switch {
		case is:
			l.gap(i, j)
		case wider:
			l.window *= 2
		case !l.begun && (l.of.config.Whole || l.found.at(0).time <= l.of.config.Before): // of a log before this one
			l.gap(0, l.found.len())
		default:
			l.gap(l.stored.len(), l.found.len())
		}
	}
	return nil
}

// alike is how many entries in a row have to be the same where both sides go on.
const alike = 3

// meet finds the nearest place at which both sides go on together, by how many entries have to
// be passed over: rather one that is known by a text that is there once, or by several in a row.
func (l *lane) meet() (i, j int, is bool) {
	const few = 8
	at, often := make(map[uint64][]int), make(map[uint64]int)
	for b := range min(l.found.len(), l.window) {
		if hash := l.found.at(b).hash; len(at[hash]) < few {
			at[hash] = append(at[hash], b)
		}
	}
	stored := min(l.stored.len(), l.window)
	for a := range stored {
		often[l.stored.at(a).hash]++
	}
	best, known := -1, false
	for a := range stored {
		if known && a >= best {
			break
		}
		hash := l.stored.at(a).hash
		for _, b := range at[hash] {
			sure := often[hash] == 1 && len(at[hash]) == 1 || l.row(a, b)
			if better := best < 0 || a+b < best; sure && !known || better && sure == known {
				i, j, best, known, is = a, b, a+b, sure, true
			}
		}
	}
	return i, j, is
}

// row reports whether several entries from two places on are the same.
func (l *lane) row(a, b int) bool {
	for n := range alike {
		if a+n >= l.stored.len() || b+n >= l.found.len() || l.stored.at(a+n).hash != l.found.at(b+n).hash {
			return false
		}
	}
	return true
}

// gap passes over entries that only one side has here.
func (l *lane) gap(stored, found int) {
	s := l.of
	s.gaps++
	for n := range stored {
		e := l.stored.at(n)
		e.gap, e.time = s.gaps, l.time
		if last := e == l.newest && s.config.Newest >= s.config.From && s.config.Newest > 0; l.begun || s.config.Whole || e.waits || last {
			l.late.lacks(e, s)
			s.Result.Entries++
		} else {
			s.Result.Edge++
		}
	}
	for n := range found {
		if e := l.found.at(n); l.begun && !s.config.others(e.time) {
			e.gap, e.again = s.gaps, l.recent.has(e.hash)
			l.late.has(e, s)
		}
	}
	l.stored.drop(stored)
	l.found.drop(found)
	if l.late.size() > s.config.Most {
		l.settle()
	}
}

// late are the entries that were not in their place. One that is elsewhere is there.
type late struct {
	missing, extra []*item
	// byHash are those of extra that may still be found to be missing elsewhere, and the other
	// way round.
	missed, more map[uint64][]*item
}

func (t *late) size() int { return len(t.missing) + len(t.extra) }

func (t *late) lacks(e *item, s *Sequence) {
	if pop(t.more, e.hash) {
		s.Result.Found++
		return
	}
	t.missing = append(t.missing, e)
	t.missed = push(t.missed, e)
}

func (t *late) has(e *item, s *Sequence) {
	if pop(t.missed, e.hash) {
		s.Result.Found++
		return
	}
	t.extra = append(t.extra, e)
	t.more = push(t.more, e)
}

func push(to map[uint64][]*item, e *item) map[uint64][]*item {
	if to == nil {
		to = make(map[uint64][]*item)
	}
	to[e.hash] = append(to[e.hash], e)
	return to
}

func pop(from map[uint64][]*item, hash uint64) bool {
	all := from[hash]
	if len(all) == 0 {
		return false
	}
	all[0].gone = true
	if from[hash] = all[1:]; len(all) == 1 {
		delete(from, hash)
	}
	return true
}

// settle decides about all that was not in its place.
func (l *lane) settle() {
	s := l.of
	gone := func(e *item) bool { return e.gone }
	missing, extra := slices.DeleteFunc(l.late.missing, gone), slices.DeleteFunc(l.late.extra, gone)
	inPlace := make(map[int][]*item)
	for _, e := range extra {
		inPlace[e.gap] = append(inPlace[e.gap], e)
	}
	for _, e := range missing {
		others := inPlace[e.gap]
		switch {
		case e.waits:
			s.Result.Waiting++
			s.example(Example{Kind: Waiting, Time: e.time, Stream: e.stream.String(), Text: e.text})
		case len(others) > 0 && !others[0].again:
			inPlace[e.gap], others[0].gone = others[1:], true
			s.Result.Changed++
			s.example(Example{Kind: Changed, Time: others[0].time, Stream: e.stream.String(), Text: e.text, Found: others[0].text, Labels: others[0].labels})
		default:
			s.Result.Missing++
			s.example(Example{Kind: Missing, Time: e.time, Stream: e.stream.String(), Text: e.text})
		}
	}
	for _, e := range extra {
		switch {
		case e.gone:
			continue
		case e.again || l.recent.has(e.hash):
			s.Result.Twice++
			s.example(Example{Kind: Twice, Time: e.time, Text: e.text, Labels: e.labels})
		default:
			s.Result.Strange++
			s.example(Example{Kind: Strange, Time: e.time, Text: e.text, Labels: e.labels})
		}
	}
	l.late = late{}
}

// queue is a list that entries are taken from at its beginning.
type queue struct {
	all  []*item
	head int
}

func (q *queue) len() int       { return len(q.all) - q.head }
func (q *queue) at(i int) *item { return q.all[q.head+i] }
func (q *queue) push(e *item)   { q.all = append(q.all, e) }

func (q *queue) drop(n int) {
	clear(q.all[q.head : q.head+n])
	q.head += n
	if q.head == len(q.all) {
		q.all, q.head = q.all[:0], 0
	} else if q.head > 1024 && q.head > len(q.all)/2 {
		q.all = append(q.all[:0], q.all[q.head:]...)
		clear(q.all[len(q.all):cap(q.all)])
		q.head = 0
	}
}
