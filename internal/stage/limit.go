package stage

import (
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// limit drops what is more than so many entries in a window of log time, counted per
// stream of a container: what a second reading counts must not hang on how two streams
// were interleaved.
type limit struct {
	id, rule int
	burst    uint64
	length   int64 // of a window, in nanoseconds
	// back is how many windows the time of an entry may lie before that of one before it.
	back     int64
	byLabel  string
	distinct int
}

// disorder is how much older an entry may be than one before it, as the parts of a long line
// have the time of the first.
const disorder = 3 * time.Second

// window is what a limit has counted, per stream.
type window [logs.Streams]counted

// counted is what a limit has counted in a window, in all or for each value of a label.
type counted struct {
	number int64
	count  uint64
	of     map[string]uint64
}

// maxDistinct is how many values of a label are counted apart, unless said otherwise.
const maxDistinct = 10000

func newLimit(b *builder, f *fields) step {
	f.read("rate", "burst", "drop", "by_label_name", "max_distinct_labels", "drop_counter_reason")
	l := &limit{byLabel: f.text("by_label_name")}
	rate := f.number("rate", 0)
	l.burst = uint64(max(0, f.integer("burst", 0, 1<<30)))
	l.distinct = f.integer("max_distinct_labels", maxDistinct, 1<<20)
	switch {
	case rate <= 0 || rate > 1e9:
		f.at("rate", "rate is missing: entries per second, more than 0")
	case l.burst == 0:
		f.at("burst", "burst is missing: how many entries may come at once, at least 1")
	case !f.boolean("drop"):
		f.at("drop", "say drop: true; without it a limit would hold the log up, which no stage can do here")
	default:
		l.length = max(1, int64(min(float64(l.burst)/rate, 1e6)*float64(time.Second)))
	}
	return b.limit(l, f.reason("ratelimit_drop_stage"))
}

// limit gives a limit its memory. It drops by a rule.
func (b *builder) limit(l *limit, reason string) *limit {
	l.id, l.rule = len(b.pipeline.windows), b.rule(reason)
	l.back = int64(disorder)/max(1, l.length) + 1
	b.pipeline.windows = append(b.pipeline.windows, remembers(b.pipeline.windows, fmt.Sprint("limit ", l.burst, " ", l.length, " ", l.byLabel, " ", reason)))
	return l
}

func (l *limit) run(r *Run, e *Entry, n *node) *node {
	w := &r.windows[l.id][e.Stream]
	// Parts of long lines make times go back a little: they count where the others do. A
	// clock that was set back begins anew.
	if now := e.docker / l.length; now > w.number || now < w.number-l.back {
		w.number, w.count = now, 0
		clear(w.of)
	}
	if l.byLabel == "" {
		if w.count >= l.burst {
			return r.drop(l.rule)
		}
		w.count++
		return n.next
	}
	val := e.getLabel(l.byLabel)
	if val == "" {
		return n.next
	}
	if w.of == nil {
		w.of = make(map[string]uint64)
	}
	if w.of[val] >= l.burst || w.of[val] == 0 && len(w.of) >= l.distinct {
		return r.drop(l.rule)
	}
	w.of[val]++
	return n.next
}
