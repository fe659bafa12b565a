package checkpoint

import (
	"maps"
	"slices"
)

// table is the records, and which of them the next frame has.
type table struct {
	records map[string]*record
	// order is the sorted IDs, nil when it must be made again.
	order     []string
	forgotten forgotten
	// number is that of the last frame.
	number uint64
	// unlogged holds the IDs of the records that were changed, made or forgotten since.
	unlogged []string
	// behind holds, while a new file is being written, the IDs of those that were in
	// frames since: it lacks them. It is nil otherwise.
	behind  map[string]struct{}
	scratch coder
}

// sorted returns the sorted IDs. Commits do not change them, so they are
// rarely sorted again.
func (t *table) sorted() []string {
	if t.order == nil {
		t.order = slices.Sorted(maps.Keys(t.records))
	}
	return t.order
}

// record returns the record of id. It makes it, when there is none.
func (t *table) record(id string) (r *record, made bool) {
	r, ok := t.records[id]
	if !ok {
		r = &record{whole: true}
		t.records[id] = r
		t.order = nil
	}
	return r, !ok
}

// forget removes a record and reports whether there was one.
func (t *table) forget(id string) bool {
	t.forgotten.add(id)
	if _, ok := t.records[id]; !ok {
		return false
	}
	delete(t.records, id)
	t.order = nil
	t.note(id)
	return true
}

// note notes that a record has changed, or is gone.
func (t *table) note(id string) {
	r := t.records[id]
	if r != nil && r.unlogged {
		return
	}
	if r != nil {
		r.unlogged = true
	}
	t.unlogged = append(t.unlogged, id)
}

// frame appends a frame with what has changed; nothing when that is nothing.
func (t *table) frame(b []byte) []byte {
	if len(t.unlogged) == 0 {
		return b
	}
	start := len(b)
	t.number++
	b = beginFrame(b, t.number)
	for _, id := range t.unlogged {
		b = t.appendChange(b, id)
	}
	clear(t.unlogged)
	t.unlogged = t.unlogged[:0]
	return seal(b, start)
}

func (t *table) appendChange(b []byte, id string) []byte {
	if t.behind != nil {
		t.behind[id] = struct{}{}
	}
	r, ok := t.records[id]
	switch {
	case !ok:
		return appendBlock(append(b, changeForget), []byte(id))
	case !r.unlogged:
		return b // it was forgotten and came back: it is in already
	}
	b = r.append(b, id, r.whole, &t.scratch)
	r.unlogged, r.whole = false, false
	return b
}

// begin appends what a new file begins with. Until catchUp the table notes what it lacks.
func (t *table) begin(b []byte) []byte {
	b = append(b, header...)
	start := len(b)
	t.number++
	b = beginFrame(b, t.number)
	for _, id := range t.sorted() {
		b = t.records[id].append(b, id, true, &t.scratch)
	}
	t.behind = make(map[string]struct{})
	return seal(b, start)
}

// catchUp appends a frame that has all that a new file lacks, too.
func (t *table) catchUp(b []byte) []byte {
	for id := range t.behind {
		t.note(id)
		if r := t.records[id]; r != nil {
			r.whole = true
		}
	}
	t.behind = nil
	return t.frame(b)
}

// maxForgotten bounds the memory for removed containers. A late commit follows
// its Forget within the time of a push, so the newest few are enough.
const maxForgotten = 4096

// forgotten is the IDs that were forgotten last, the newer and the older half of them.
// Container IDs are never given twice.
type forgotten struct{ newer, older map[string]struct{} }

func (f *forgotten) has(id string) bool {
	_, newer := f.newer[id]
	_, older := f.older[id]
	return newer || older
}

func (f *forgotten) remove(id string) {
	delete(f.newer, id)
	delete(f.older, id)
}

func (f *forgotten) add(id string) {
	if len(f.newer) >= maxForgotten/2 || f.newer == nil {
		f.newer, f.older = make(map[string]struct{}), f.newer
	}
	f.newer[id] = struct{}{}
}
