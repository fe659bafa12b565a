package logs

// Entry is one finished record: a whole line of one stream of one container.
type Entry struct {
	// Time is Docker's timestamp in Unix nanoseconds.
	Time int64
	// Line is the text without the final line feed. It is valid UTF-8. The
	// slice belongs to the producer and is valid only during the call it is
	// passed to.
	Line   []byte
	Stream Stream
}

// Batch is what one push carries: entries gathered by stream. The zero value
// is an empty batch. A batch is owned by one goroutine at a time.
type Batch struct {
	// Groups holds one element per label set and stream, in order of arrival.
	Groups []*Group
	// Entries is the number of entries in all groups.
	Entries int
	// Bytes is the size of all lines plus a fixed overhead per entry.
	Bytes int
}

// Group is the part of a batch that has one label set and one stream: what
// Loki calls a stream.
type Group struct {
	Labels *Labels
	Stream Stream
	// Container is the ID of the container, where the dispatcher has set it.
	Container string
	// Behind tells that the log it is of had not been caught up with, where the
	// dispatcher has set it.
	Behind bool
	// Times and Ends have one element per entry: the timestamp in Unix
	// nanoseconds, and the end of its line in Text.
	Times []int64
	Ends  []int
	Text  []byte
}

// EntryOverhead is what an entry counts beyond its text when a batch is
// measured, in bytes: timestamp and framing.
const EntryOverhead = 32

// Add copies an entry to the group of its labels and stream.
func (b *Batch) Add(labels *Labels, e Entry) {
	g := b.group(labels, e.Stream)
	if len(g.Times) == cap(g.Times) {
		g.Times, g.Ends = times.grow(g.Times, 1), ends.grow(g.Ends, 1)
	}
	if len(g.Text)+len(e.Line) > cap(g.Text) {
		g.Text = texts.grow(g.Text, len(e.Line))
	}
	g.Times = append(g.Times, e.Time)
	g.Text = append(g.Text, e.Line...)
	g.Ends = append(g.Ends, len(g.Text))
	b.Entries++
	b.Bytes += len(e.Line) + EntryOverhead
}

// find returns the group of labels and stream, nil if there is none. Entries arrive in runs
// of one container, so the group is nearly always one of the last two.
func (b *Batch) find(labels *Labels, s Stream) *Group {
	for i := len(b.Groups) - 1; i >= 0; i-- {
		if g := b.Groups[i]; g.Labels == labels && g.Stream == s {
			return g
		}
	}
	return nil
}

// group finds or makes the group of labels and stream.
func (b *Batch) group(labels *Labels, s Stream) *Group {
	if g := b.find(labels, s); g != nil {
		return g
	}
	g := newGroup()
	g.Labels, g.Stream = labels, s
	b.Groups = append(b.Groups, g)
	return g
}

// Take adds all entries of another batch, which is empty then and has none of its memory.
// A group that b does not have changes hands as it is; of others the entries are copied.
func (b *Batch) Take(from *Batch) {
	entries, bytes := from.Entries, from.Bytes
	for i, g := range from.Groups {
		if own := b.find(g.Labels, g.Stream); own != nil {
			own.append(g)
			continue
		}
		b.Groups, from.Groups[i] = append(b.Groups, g), nil
	}
	from.Recycle()
	b.Entries += entries
	b.Bytes += bytes
}

// append copies the entries of another group of the same stream.
func (g *Group) append(other *Group) {
	g.Times, g.Ends = times.grow(g.Times, other.Len()), ends.grow(g.Ends, other.Len())
	start := len(g.Text)
	g.Text = append(texts.grow(g.Text, len(other.Text)), other.Text...)
	g.Times = append(g.Times, other.Times...)
	for _, end := range other.Ends {
		g.Ends = append(g.Ends, start+end)
	}
}

// Len returns the number of entries of the group.
func (g *Group) Len() int { return len(g.Times) }

// Line returns the text of entry i. It must not be changed.
func (g *Group) Line(i int) []byte {
	start := 0
	if i > 0 {
		start = g.Ends[i-1]
	}
	return g.Text[start:g.Ends[i]]
}

// Entry returns entry i, whose text must not be changed.
func (g *Group) Entry(i int) Entry {
	return Entry{Time: g.Times[i], Line: g.Line(i), Stream: g.Stream}
}

// slice returns a group of entries [from, to) that shares the text.
func (g *Group) slice(from, to int) *Group {
	part := &Group{Labels: g.Labels, Stream: g.Stream, Container: g.Container, Behind: g.Behind, Times: g.Times[from:to]}
	start := 0
	if from > 0 {
		start = g.Ends[from-1]
	}
	part.Text = g.Text[start:g.Ends[to-1]]
	part.Ends = make([]int, 0, to-from)
	for _, end := range g.Ends[from:to] {
		part.Ends = append(part.Ends, end-start)
	}
	return part
}

// Split halves the batch: by groups while there are several, then by entries.
// Both halves share the text with b. A batch of one entry cannot be split:
// Split returns nil, nil.
func (b *Batch) Split() (first, second *Batch) {
	switch {
	case b.Entries < 2:
		return nil, nil
	case len(b.Groups) > 1:
		half := len(b.Groups) / 2
		return Join(b.Groups[:half]...), Join(b.Groups[half:]...)
	default:
		g, half := b.Groups[0], b.Groups[0].Len()/2
		return Join(g.slice(0, half)), Join(g.slice(half, g.Len()))
	}
}

// Parts divides the batch into at least n parts by splitting it again and again,
// or into single entries when it has no more.
func (b *Batch) Parts(n int) []*Batch {
	first, second := b.Split()
	if n < 2 || first == nil {
		return []*Batch{b}
	}
	return append(first.Parts((n+1)/2), second.Parts((n+1)/2)...)
}

// Join returns a batch of the given groups, which it shares.
func Join(groups ...*Group) *Batch {
	b := &Batch{Groups: groups}
	for _, g := range groups {
		b.Entries += g.Len()
		b.Bytes += len(g.Text) + g.Len()*EntryOverhead
	}
	return b
}
