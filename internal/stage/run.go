package stage

import (
	"github.com/lighterman/lighterman/internal/logs"
)

// Run takes the entries of one container through a pipeline. It belongs to one goroutine.
type Run struct {
	pipeline *Pipeline
	bound    bound
	// rule is the number of the rule that has dropped the newest entry, -1 for none, and
	// found how much was redacted in it.
	rule, found int
	// scratch is memory for values of the entry in hand.
	scratch  []byte
	redacted []byte
	// key is memory for looking up label sets, sets what was found, and recent the last of
	// that, of which oldest is replaced next.
	key    []byte
	sets   map[string]*changed
	recent [4]*changed
	oldest int
	// words are label values in use.
	words map[string]string

	windows []window
	fudges  []fudge
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

// maxScratch and maxSets bound the memory that a Run keeps from entry to entry.
const (
	maxScratch = 64 << 10
	maxSets    = 128
	maxWords   = 256
)

// For returns the run of a container with these labels, or nil when no stage concerns it:
// then its lines are not joined, and go on as they are. After a change of labels ask again where it was nil;
// a Run notices by itself.
func (p *Pipeline) For(labels *logs.Labels) *Run {
	if p = p.of(labels); p == nil || p.empty() {
		return nil
	}
	r := &Run{pipeline: p, rule: -1}
	r.bind(labels)
	if !r.concerned() {
		return nil
	}
	r.sets, r.words = make(map[string]*changed), make(map[string]string)
	r.windows = make([]window, len(p.windows))
	r.fudges = make([]fudge, len(p.fudges))
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
	clear(r.recent[:])
}

// concerned reports whether any stage may do something with any line.
func (r *Run) concerned() bool {
	for s := range logs.Stream(logs.Streams) {
		if r.Group(s) != nil {
			return true
		}
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
	// path is its place in the configuration; empty for what is no stage of its own.
	path string
}

// dropped is the end of an entry before the end of the chain.
var dropped = &node{}

// Process takes one entry through all stages, which change it, and reports whether it is to
// be sent. Labels has to be set anew for each entry, to the container's.
func (r *Run) Process(e *Entry) (send bool) {
	r.begin(e)
	for n := r.pipeline.head; n != nil; {
		if n = n.step.run(r, e, n); n == dropped {
			return false
		}
	}
	if len(e.changes) > 0 {
		e.Labels = r.labels(e)
	}
	return true
}

// begin makes run and entry ready for the first stage.
func (r *Run) begin(e *Entry) {
	if e.Labels != r.bound.labels {
		r.bind(e.Labels)
	}
	if cap(r.scratch) > maxScratch {
		r.scratch = nil
	}
	r.scratch = r.scratch[:0]
	r.rule, r.found = -1, 0
	e.docker, e.raw, e.Tenant, e.level = e.Time, e.Line, "", 0
	e.Metadata, e.changes = e.Metadata[:0], e.changes[:0]
	if len(e.values) != len(r.pipeline.names) {
		e.values = make([]value, len(r.pipeline.names))
	} else {
		clear(e.values)
	}
}

// Rule returns the name of the rule that has dropped the newest entry, or nothing.
func (r *Run) Rule() string {
	if r.rule < 0 {
		return ""
	}
	return r.pipeline.rules[r.rule]
}

// drop ends an entry by a rule.
func (r *Run) drop(rule int) *node {
	r.rule = rule
	return dropped
}

// keep copies bytes to where they stay until the next entry.
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

func (r *Run) keepText(s string) []byte {
	n := len(r.scratch)
	r.scratch = append(r.scratch, s...)
	return r.scratch[n:len(r.scratch):len(r.scratch)]
}
