package stage

import (
	"github.com/lighterman/lighterman/internal/logs"
)

// Verdict is what became of the line that was given to Process.
type Verdict uint8

const (
	// Kept: the line was passed on.
	Kept Verdict = iota
	// Dropped: a rule has dropped it, and counted it under its name.
	Dropped
	// Held: it is the first line of a group, or a single line that others may join.
	Held
	// Joined: it became part of a group. The group may have been passed on with it.
	Joined
)

// Run takes the lines of one container through a pipeline. It belongs to one goroutine.
type Run struct {
	pipeline *Pipeline
	bound    bound
	emit     func(*Entry)
	// scratch is memory for values of the line in hand.
	scratch  []byte
	redacted []byte
	// key is memory for looking up label sets, sets what was found.
	key  []byte
	sets map[string]*logs.Labels
	// words are label values in use.
	words map[string]string

	groups  []group
	windows []window
	// saved is the state of each stream before the first line of its open groups.
	saved  [logs.Streams][]byte
	fudges []fudge
	counts counts
}

// bound is what depends on the labels of the container alone.
type bound struct {
	labels *logs.Labels
	// initial has the labels' values by the number of the extracted name.
	initial [][]byte
	// decided has an answer per selector and stream.
	decided [][logs.Streams]answer
}

// answer is whether a selector matches, as far as it depends on constant labels.
type answer uint8

const (
	open answer = iota // depends on labels that stages change
	yes
	no
)

type counts struct {
	read, sent, joined, redacted uint64
	dropped                      []uint64
}

// maxScratch and maxSets bound the memory that a Run keeps from line to line.
const (
	maxScratch = 64 << 10
	maxSets    = 128
	maxWords   = 256
)

// For returns the run of a container with these labels, or nil when no stage concerns it:
// then its entries go on as they are. After a change of labels ask again where it was nil;
// a Run notices by itself.
func (p *Pipeline) For(labels *logs.Labels) *Run {
	if p == nil || p.head == nil {
		return nil
	}
	r := &Run{pipeline: p}
	r.bind(labels)
	if !r.concerned() {
		return nil
	}
	r.sets, r.words = make(map[string]*logs.Labels), make(map[string]string)
	r.groups = make([]group, p.groups)
	r.windows = make([]window, p.windows)
	r.fudges = make([]fudge, p.fudges)
	r.counts.dropped = make([]uint64, len(p.rules))
	return r
}

// bind decides what depends on the labels of the container alone.
func (r *Run) bind(labels *logs.Labels) {
	p := r.pipeline
	b := bound{labels: labels, initial: make([][]byte, len(p.names)), decided: make([][logs.Streams]answer, len(p.selectors))}
	for s, name := range p.names {
		if v := labels.Get(name); v != "" {
			b.initial[s] = []byte(v)
		}
	}
	for i, sel := range p.selectors {
		for s := range logs.Stream(logs.Streams) {
			b.decided[i][s] = sel.decide(labels, s)
		}
	}
	r.bound = b
	clear(r.sets)
}

// concerned reports whether any stage may do something with any line.
func (r *Run) concerned() bool {
	for s := range logs.Stream(logs.Streams) {
		for n := r.pipeline.head; n != nil; n = n.next {
			m, ok := n.step.(*match)
			if !ok || r.bound.decided[m.id][s] != no {
				return true
			}
		}
	}
	return false
}

// step is a stage. It returns the node to go on with, or one of the ends below.
type step interface {
	run(r *Run, e *Entry, n *node) *node
}

// node is a stage in its place.
type node struct {
	step step
	next *node
}

// The ends of a line before the end of the chain.
var (
	ended = &node{} // dropped
	kept  = &node{} // held in a group
)

// Process takes one line through all stages. emit is called for what comes out behind
// them: this line, a group that ended before it, both or none, in their order.
func (r *Run) Process(e *Entry, emit func(*Entry)) Verdict {
	r.emit = emit
	if e.Labels != r.bound.labels {
		// The groups that are open go with the labels that they were begun with.
		r.closeAll()
		r.bind(e.Labels)
	}
	r.counts.read++
	if cap(r.scratch) > maxScratch {
		r.scratch = nil
	}
	r.scratch = r.scratch[:0]
	e.docker, e.raw, e.Lines, e.Tenant, e.level = e.Time, e.Line, 1, "", 0
	e.Metadata, e.changes = e.Metadata[:0], e.changes[:0]
	if len(e.values) != len(r.pipeline.names) {
		e.values = make([]value, len(r.pipeline.names))
	} else {
		clear(e.values)
	}
	joined := r.counts.joined
	switch end := r.follow(e, r.pipeline.head); {
	case end == ended:
		return Dropped
	case end == nil:
		return Kept
	case r.counts.joined > joined:
		return Joined
	default:
		return Held
	}
}

// follow takes an entry through the stages from n on. It returns nil when it was emitted.
func (r *Run) follow(e *Entry, n *node) *node {
	for n != nil {
		if n = n.step.run(r, e, n); n == ended || n == kept {
			return n
		}
	}
	r.finish(e)
	return nil
}

// finish gives an entry the label set that stages have made, and passes it on.
func (r *Run) finish(e *Entry) {
	base := e.Labels
	if len(e.changes) > 0 {
		e.Labels = r.labels(e)
	}
	r.counts.sent++
	r.emit(e)
	e.Labels = base
}

// drop counts an entry under a rule.
func (r *Run) drop(rule int) *node {
	r.counts.dropped[rule]++
	return ended
}

// keep copies bytes to where they stay until the next line.
func (r *Run) keep(b []byte) []byte {
	n := len(r.scratch)
	r.scratch = append(r.scratch, b...)
	return r.scratch[n:len(r.scratch):len(r.scratch)]
}

// word returns bytes as a text; those of labels come again and again.
func (r *Run) word(b []byte) string {
	if s, ok := r.words[string(b)]; ok {
		return s
	}
	if len(r.words) >= maxWords {
		clear(r.words)
	}
	s := string(b)
	if len(b) <= 64 {
		r.words[s] = s
	}
	return s
}

// Count is how many entries a rule has dropped.
type Count struct {
	Rule string
	N    uint64
}

// Counts says what became of the lines: Read = Sent + Dropped + Joined + Open.
type Counts struct {
	// Read is the number of lines given to Process, Sent that of entries emitted.
	Read, Sent uint64
	// Joined is the number of lines that became part of an entry with another line.
	Joined uint64
	// Open is the number of groups that are open.
	Open uint64
	// Redacted is how much was taken out of lines.
	Redacted uint64
	// Dropped has every rule of the pipeline.
	Dropped []Count
}

// Counts returns what became of the lines so far.
func (r *Run) Counts() Counts {
	c := Counts{Read: r.counts.read, Sent: r.counts.sent, Joined: r.counts.joined, Redacted: r.counts.redacted}
	for i, rule := range r.pipeline.rules {
		c.Dropped = append(c.Dropped, Count{rule, r.counts.dropped[i]})
	}
	for i := range r.groups {
		for s := range r.groups[i].of {
			if r.groups[i].of[s].open {
				c.Open++
			}
		}
	}
	return c
}

func (r *Run) keepText(s string) []byte {
	n := len(r.scratch)
	r.scratch = append(r.scratch, s...)
	return r.scratch[n:len(r.scratch):len(r.scratch)]
}
