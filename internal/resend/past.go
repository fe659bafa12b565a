package resend

import (
	"slices"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// past is what was read of a container and is of the time, as far as nothing was done of it yet.
type past struct {
	period period
	// origin is when the line was stored that the entry in hand was made of.
	origin int64
	// waiting are the entries, of size bytes.
	waiting []pastEntry
	size    int
	// newest is the time of the newest line that was read.
	newest int64
}

// What is asked for at once: resendEntries are less than Loki has on a page.
const (
	resendPart    = 2 << 20
	resendEntries = 4000
)

// pastEntry is an entry that is to be sent again. done is the time up to which all is done with it:
// when it was stored, at first.
type pastEntry struct {
	logs.Entry
	done int64
}

// read is told of each line before take is of the entry that it becomes: when it was stored.
func (p *past) read(at int64) {
	p.origin = at
	p.newest = max(p.newest, at)
}

// take takes an entry, and reports whether it is of the time.
func (p *past) take(e logs.Entry) bool {
	if !p.period.has(p.origin, e.Time) {
		return false
	}
	e.Line = slices.Clone(e.Line)
	if e.Extra != nil {
		extra := *e.Extra
		extra.Metadata = slices.Clone(extra.Metadata)
		e.Extra = &extra
	}
	p.waiting = append(p.waiting, pastEntry{e, p.origin})
	p.size += e.Size()
	return true
}

// full reports whether as much waits as is asked for at once.
func (p *past) full() bool { return len(p.waiting) >= resendEntries || p.size >= resendPart }

// clear is for when something was done with all that waits.
func (p *past) clear() {
	clear(p.waiting)
	p.waiting, p.size = p.waiting[:0], 0
}

// reckon finds out up to when all is done with each entry that waits, and with all of them. held is
// when the oldest line began that is not complete, 0 for none.
// Lines are stored in another order than they are stamped, but not by much, and some come later
// because they are parts of a long entry.
func (p *past) reckon(held int64) int64 {
	all := p.newest
	if held != 0 {
		all = min(all, held)
	}
	next := all
	for i := len(p.waiting) - 1; i >= 0; i-- {
		stored := p.waiting[i].done
		p.waiting[i].done = next - assemble.Disorder
		next = min(next, stored)
	}
	return all - assemble.Disorder
}

// stored is what waits, as it is looked for in Loki by the labels of its time.
func (p *past) stored(by producer.Timeline) []audit.Stored {
	out := make([]audit.Stored, len(p.waiting))
	for i, e := range p.waiting {
		labels := by.At(e.Time).Of(e.Stream)
		tenant := labels.Tenant
		if e.Extra != nil {
			if e.Extra.Labels != nil {
				labels = e.Extra.Labels
			}
			if e.Extra.Tenant != "" {
				tenant = e.Extra.Tenant
			}
		}
		out[i] = audit.Stored{Time: e.Time, Stream: e.Stream, Text: e.Line, Labels: labels, Tenant: tenant}
	}
	return out
}

// without returns what waits but for what Loki has, in the memory of all that waits.
func (p *past) without(has []bool) []pastEntry {
	lacking := p.waiting[:0]
	for i := range p.waiting {
		if !has[i] {
			lacking = append(lacking, p.waiting[i])
		}
	}
	return lacking
}
