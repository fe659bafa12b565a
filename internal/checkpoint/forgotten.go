package checkpoint

// maxForgotten bounds the memory for removed containers. A late commit follows
// its Forget within the time of a push, so the newest few are enough.
const maxForgotten = 4096

// forgotten is the set of the IDs that were forgotten last. Container IDs are
// never given twice.
type forgotten struct {
	ids map[string]struct{}
	// ring holds the IDs in the order they were added; next is overwritten next.
	// An ID that was removed from the set may still be in it.
	ring []string
	next int
}

func (f *forgotten) has(id string) bool {
	_, ok := f.ids[id]
	return ok
}

func (f *forgotten) remove(id string) { delete(f.ids, id) }

func (f *forgotten) add(id string) {
	if f.has(id) {
		return
	}
	if f.ids == nil {
		f.ids = make(map[string]struct{})
	}
	f.ids[id] = struct{}{}
	if len(f.ring) < maxForgotten {
		f.ring = append(f.ring, id)
		return
	}
	delete(f.ids, f.ring[f.next])
	f.ring[f.next] = id
	f.next = (f.next + 1) % maxForgotten
}
