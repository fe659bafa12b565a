package logs

import "slices"

// Entry is one finished record: a whole line of one stream of one container.
type Entry struct {
	// Time is Docker's timestamp in Unix nanoseconds.
	Time int64
	// Line is the text without the final line feed. It is valid UTF-8. The
	// slice belongs to the producer and is valid only during the call it is
	// passed to.
	Line   []byte
	Stream Stream
	// Extra is nil for an entry that has none: then it costs nothing.
	Extra *Extra
}

// tenant is whose entry it is, given the labels of its stream.
func (e *Entry) tenant(of *Labels) string {
	if e.Extra == nil || e.Extra.Tenant == "" {
		return of.Tenant
	}
	return e.Extra.Tenant
}

// Size is what an entry counts when a batch is measured, in bytes.
func (e *Entry) Size() int {
	if e.Extra == nil {
		return len(e.Line) + EntryOverhead
	}
	return len(e.Line) + len(e.Extra.Metadata) + EntryOverhead
}

// Batch is what one push carries: entries gathered by stream. The zero value
// is an empty batch. A batch is owned by one goroutine at a time.
type Batch struct {
	// Groups holds one element per label set, tenant and stream, in order of arrival.
	Groups []*Group
	// Entries is the number of entries in all groups.
	Entries int
	// Bytes is the size of all lines and their metadata plus a fixed overhead per entry.
	Bytes int
}

// Group is the part of a batch that has one label set, one tenant and one stream: what
// Loki calls a stream.
type Group struct {
	Labels *Labels
	// Tenant is whose the entries are; the configured one's when it is empty.
	Tenant string
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
	// Metadata is that of the entries beyond the labels', and MetadataEnds where each one's
	// ends in it. Both are nil while no entry has any.
	Metadata     []byte
	MetadataEnds []int
}

// EntryOverhead is what an entry counts beyond its text when a batch is
// measured, in bytes: timestamp and framing.
const EntryOverhead = 32

// Add copies an entry to the group of its labels and stream.
func (b *Batch) Add(labels *Labels, e Entry) {
	own := labels.Of(e.Stream)
	g := b.group(own, e.tenant(own), e.Stream)
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
	if e.Extra != nil && len(e.Extra.Metadata) > 0 {
		g.padMetadata(g.Len() - 1)
		g.Metadata = append(texts.grow(g.Metadata, len(e.Extra.Metadata)), e.Extra.Metadata...)
		b.Bytes += len(e.Extra.Metadata)
	}
	if g.MetadataEnds != nil || len(g.Metadata) > 0 {
		g.padMetadata(g.Len())
	}
}

// padMetadata notes of all entries up to n that were not noted that their metadata ends
// where it does now.
func (g *Group) padMetadata(n int) {
	g.MetadataEnds = ends.grow(g.MetadataEnds, n-len(g.MetadataEnds))
	for len(g.MetadataEnds) < n {
		g.MetadataEnds = append(g.MetadataEnds, len(g.Metadata))
	}
}

// find returns the group of labels, tenant and stream, nil if there is none. Entries arrive in runs
// of one container, so the group is nearly always one of the last two.
func (b *Batch) find(labels *Labels, tenant string, s Stream) *Group {
	for i := len(b.Groups) - 1; i >= 0; i-- {
		if g := b.Groups[i]; g.Labels == labels && g.Stream == s && g.Tenant == tenant {
			return g
		}
	}
	return nil
}

// group finds or makes the group of labels, tenant and stream.
func (b *Batch) group(labels *Labels, tenant string, s Stream) *Group {
	if g := b.find(labels, tenant, s); g != nil {
		return g
	}
	g := newGroup()
	g.Labels, g.Tenant, g.Stream = labels, tenant, s
	b.Groups = append(b.Groups, g)
	return g
}

// Take adds all entries of another batch, which is empty then. A group that b does not
// have changes hands as it is, unless it has much more memory than it needs; of others the
// entries are copied.
func (b *Batch) Take(from *Batch) {
	entries, bytes := from.Entries, from.Bytes
	for i, g := range from.Groups {
		own := b.find(g.Labels, g.Tenant, g.Stream)
		if own == nil && !g.roomy() {
			b.Groups, from.Groups[i] = append(b.Groups, g), nil
			continue
		}
		if own == nil {
			own = b.group(g.Labels, g.Tenant, g.Stream)
		}
		own.append(g)
	}
	from.Recycle()
	b.Entries += entries
	b.Bytes += bytes
}

// reserve makes room for so much text of so many entries in a group that has none.
func (g *Group) reserve(text, entries int) {
	g.Text, g.Times, g.Ends = texts.grow(g.Text, text), times.grow(g.Times, entries), ends.grow(g.Ends, entries)
}

// roomy tells whether a group has much more memory than it would have grown to.
func (g *Group) roomy() bool {
	return cap(g.Text) > max(4*len(g.Text), smallest) || cap(g.Times) > max(4*g.Len(), smallest)
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
	if g.MetadataEnds == nil && other.MetadataEnds == nil {
		return
	}
	g.padMetadata(g.Len() - other.Len())
	start = len(g.Metadata)
	g.Metadata = append(texts.grow(g.Metadata, len(other.Metadata)), other.Metadata...)
	for _, end := range other.MetadataEnds {
		g.MetadataEnds = append(g.MetadataEnds, start+end)
	}
	g.padMetadata(g.Len())
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

// MetadataOf returns the metadata of entry i beyond the labels'. It must not be changed.
func (g *Group) MetadataOf(i int) Metadata {
	if g.MetadataEnds == nil {
		return nil
	}
	start := 0
	if i > 0 {
		start = g.MetadataEnds[i-1]
	}
	return g.Metadata[start:g.MetadataEnds[i]]
}

// Entry returns entry i, whose text must not be changed.
func (g *Group) Entry(i int) Entry {
	e := Entry{Time: g.Times[i], Line: g.Line(i), Stream: g.Stream}
	if metadata := g.MetadataOf(i); g.Tenant != "" || len(metadata) > 0 {
		e.Extra = &Extra{Tenant: g.Tenant, Metadata: metadata}
	}
	return e
}

// Bytes is the size of the group, as that of a batch.
func (g *Group) Bytes() int { return len(g.Text) + len(g.Metadata) + g.Len()*EntryOverhead }

// slice returns a group of entries [from, to) that shares the text.
func (g *Group) slice(from, to int) *Group {
	part := &Group{Labels: g.Labels, Tenant: g.Tenant, Stream: g.Stream, Container: g.Container, Behind: g.Behind, Times: g.Times[from:to]}
	part.Text, part.Ends = between(g.Text, g.Ends, from, to)
	if g.MetadataEnds != nil {
		part.Metadata, part.MetadataEnds = between(g.Metadata, g.MetadataEnds, from, to)
	}
	return part
}

// between returns the texts [from, to) of those that end at ends.
func between(text []byte, ends []int, from, to int) (part []byte, partEnds []int) {
	start := 0
	if from > 0 {
		start = ends[from-1]
	}
	partEnds = make([]int, 0, to-from)
	for _, end := range ends[from:to] {
		partEnds = append(partEnds, end-start)
	}
	return text[start:ends[to-1]], partEnds
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
		b.Bytes += g.Bytes()
	}
	return b
}

// Tenants returns those that the groups are of, in order of arrival.
func (b *Batch) Tenants() (out []string) {
	for _, g := range b.Groups {
		if !slices.Contains(out, g.Tenant) {
			out = append(out, g.Tenant)
		}
	}
	return out
}
