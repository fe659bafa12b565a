package console

import "github.com/lighterman/lighterman/internal/logs"

// merger goes through the entries of several groups in the order of their
// timestamps. Within a group the order is kept even where its timestamps are
// not in order, and of equal timestamps the earlier group comes first.
type merger struct {
	groups []*logs.Group
	// heap holds the groups that are not finished, the one whose next entry is
	// the oldest first.
	heap []cursor
}

// cursor is the place in a group.
type cursor struct {
	time     int64
	group, i int
}

func (c cursor) before(o cursor) bool {
	return c.time < o.time || c.time == o.time && c.group < o.group
}

func (m *merger) reset(groups []*logs.Group) {
	m.groups = groups
	m.heap = m.heap[:0]
	for g, group := range groups {
		if group.Len() > 0 {
			m.heap = append(m.heap, cursor{time: group.Times[0], group: g})
		}
	}
	for at := len(m.heap)/2 - 1; at >= 0; at-- {
		m.down(at)
	}
}

// next returns the next entry as the number of its group and its place there.
func (m *merger) next() (group, i int, ok bool) {
	if len(m.heap) == 0 {
		m.groups = nil
		return 0, 0, false
	}
	c := &m.heap[0]
	group, i = c.group, c.i
	c.i++
	if times := m.groups[group].Times; c.i < len(times) {
		c.time = times[c.i]
	} else {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	m.down(0)
	return group, i, true
}

// down restores the order of the heap below element at.
func (m *merger) down(at int) {
	for {
		child := 2*at + 1
		if child >= len(m.heap) {
			return
		}
		if right := child + 1; right < len(m.heap) && m.heap[right].before(m.heap[child]) {
			child = right
		}
		if m.heap[at].before(m.heap[child]) {
			return
		}
		m.heap[at], m.heap[child] = m.heap[child], m.heap[at]
		at = child
	}
}
