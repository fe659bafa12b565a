package stage

import (
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// multiline joins lines of one stream to one entry.
type multiline struct {
	id int
	// begins reports whether a line begins a group. It gets what it has returned for the
	// line before it in the group that is open, 0 where none is.
	begins   func(state uint8, line []byte) (next uint8, first bool)
	maxLines int
	maxBytes int
	maxWait  int64
}

const (
	// linesDefault and waitDefault are Promtail's.
	linesDefault = 128
	waitDefault  = 3 * time.Second
	// bytesDefault is how long an entry may become; Loki takes no more by default.
	bytesDefault = 256 << 10
	// grace is for a line that Docker has stamped and not yet written.
	grace = int64(time.Second)
)

// group is what a multiline stage holds of a container.
type group struct{ of [logs.Streams]openGroup }

// openGroup is lines that further ones may join.
type openGroup struct {
	open bool
	// begun: a first line was seen, so that lines without one are joined from then on.
	begun bool
	state uint8
	entry Entry
	// text and values are the memory behind entry.
	text, values []byte
	// last is Docker's time of the newest line.
	last int64
	node *node
	wait int64
}

func newMultiline(b *builder, f *fields) step {
	f.read("firstline", "max_lines", "max_wait_time")
	expr := f.expression("firstline")
	m := b.multiline(func(_ uint8, line []byte) (uint8, bool) { return 0, expr.MatchBytes(line) })
	m.maxLines = f.integer("max_lines", linesDefault, 1<<20)
	m.maxWait = int64(f.duration("max_wait_time", waitDefault))
	return m
}

func (b *builder) multiline(begins func(uint8, []byte) (uint8, bool)) *multiline {
	b.pipeline.groups++
	return &multiline{
		id: b.pipeline.groups - 1, begins: begins,
		maxLines: linesDefault, maxBytes: bytesDefault, maxWait: int64(waitDefault),
	}
}

func (m *multiline) run(r *Run, e *Entry, n *node) *node {
	streams := &r.groups[m.id].of
	g := &streams[e.Stream]
	// Twice the wait: a long line of the other stream may have begun before its time shows.
	if other := &streams[1-e.Stream]; other.open && e.docker-other.last > 2*m.maxWait {
		r.close(other)
	}
	if g.open && e.docker-g.last > m.maxWait {
		r.close(g)
	}
	next, first := m.begins(g.state, e.Line)
	switch {
	case first && g.open:
		r.close(g)
	case !first && !g.begun:
		return n.next
	}
	if g.open && len(g.text)+1+len(e.Line) > m.maxBytes {
		r.close(g)
	}
	if g.open {
		g.text = append(append(g.text, '\n'), e.Line...)
		g.entry.Lines++
		r.counts.joined++
	} else {
		m.open(r, g, e, n)
	}
	g.begun, g.state, g.last = true, next, e.docker
	if g.entry.Lines >= m.maxLines {
		r.close(g)
	}
	return kept
}

// open begins a group with a line, of which it keeps a copy.
func (m *multiline) open(r *Run, g *openGroup, e *Entry, n *node) {
	r.save(e.Stream)
	g.open, g.node, g.wait = true, n.next, m.maxWait
	g.text = append(g.text[:0], e.Line...)
	into := &g.entry
	into.Time, into.Stream, into.Labels, into.Tenant, into.Mark = e.Time, e.Stream, e.Labels, e.Tenant, e.Mark
	into.docker, into.level, into.Lines = e.docker, e.level, e.Lines
	into.Metadata = append(into.Metadata[:0], e.Metadata...)
	into.changes = append(into.changes[:0], e.changes...)
	into.values = append(into.values[:0], e.values...)
	g.values = g.values[:0]
	for i := range into.values {
		if v := &into.values[i]; v.kind == text {
			from := len(g.values)
			g.values = append(g.values, v.bytes...)
			v.bytes = g.values[from:len(g.values):len(g.values)]
		}
	}
}

// close sends a group through the rest of the stages.
func (r *Run) close(g *openGroup) {
	g.open, g.state = false, 0
	g.entry.Line, g.entry.raw = g.text, g.text
	r.follow(&g.entry, g.node)
	if cap(g.text) > maxScratch {
		g.text = nil
	}
}

// closeAll closes all groups. What one stage passes on another may hold, so those that come
// first are closed first: they have the highest number.
func (r *Run) closeAll() {
	for i := len(r.groups) - 1; i >= 0; i-- {
		for s := range r.groups[i].of {
			if g := &r.groups[i].of[s]; g.open {
				r.close(g)
			}
		}
	}
}

// Idle says that the source has nothing more at a time of the clock. It passes on groups
// that no line could join any more, by the timestamp it would have: Docker stamps a line
// before it writes it, and a second is left for that.
func (r *Run) Idle(now int64, emit func(*Entry)) {
	r.emit = emit
	for i := len(r.groups) - 1; i >= 0; i-- {
		for s := range r.groups[i].of {
			if g := &r.groups[i].of[s]; g.open && now-g.last > g.wait+grace {
				r.close(g)
			}
		}
	}
}

// Flush passes on all groups: the container's run has ended, and what comes next belongs
// to another one.
func (r *Run) Flush(emit func(*Entry)) {
	r.emit = emit
	r.closeAll()
}

// Open returns the mark of the line with which the oldest open group of a stream began. A
// position must stay before it.
func (r *Run) Open(s logs.Stream) (mark uint64, ok bool) {
	for i := range r.groups {
		if g := &r.groups[i].of[s]; g.open && (!ok || g.entry.Mark < mark) {
			mark, ok = g.entry.Mark, true
		}
	}
	return mark, ok
}

// Deadline returns the time of the clock from which on Idle has something to do, 0 for
// never.
func (r *Run) Deadline() (at int64) {
	for i := range r.groups {
		for s := range r.groups[i].of {
			if g := &r.groups[i].of[s]; g.open && (at == 0 || g.last+g.wait+grace < at) {
				at = g.last + g.wait + grace
			}
		}
	}
	return at
}

// HeldBytes returns the size of the groups that are open.
func (r *Run) HeldBytes() (bytes int) {
	for i := range r.groups {
		for s := range r.groups[i].of {
			if g := &r.groups[i].of[s]; g.open {
				bytes += len(g.text)
			}
		}
	}
	return bytes
}
