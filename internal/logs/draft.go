package logs

// Draft is what a source gathers of one container between asking a lane for room and
// handing over: batches of the lane's size, in order. It belongs to the source, which fills
// it without any lock, and is used again and again.
type Draft struct {
	// Behind says that what is added comes from a log that is being caught up with: the time
	// that its delivery takes says nothing of that of what is written now.
	Behind bool
	parts  []Part
	// most is the size of a part, in bytes.
	most int
	// text and entries are what the largest group had that was handed over last: what comes
	// next is likely to need as much. goesOn tells that the draft had entries when it was
	// opened, and says nothing of that.
	text, entries int
	goesOn        bool
}

// Part is a batch of a draft, all of which is behind or none.
type Part struct {
	Batch  Batch
	Behind bool
	// most is the size up to which it is filled.
	most int
}

// Open makes the draft ready to be filled. most is the size of a part, and first that of
// the first one, which is meant for what is left of a batch.
func (d *Draft) Open(first, most int) {
	d.Reset()
	d.most = most
	d.next(first)
}

// Continue is Open with the entries of a batch, which is empty then.
func (d *Draft) Continue(b *Batch, behind bool, most int) {
	d.Open(most, most)
	d.goesOn = true
	d.parts[0].Batch.Take(b)
	d.parts[0].Behind = behind
}

// HandOver passes on the parts that have entries, and empties the draft. take may leave of
// a part what it likes.
func (d *Draft) HandOver(take func(*Part)) {
	if !d.goesOn {
		d.learn()
	}
	for i := range d.parts {
		if part := &d.parts[i]; part.Batch.Entries > 0 {
			take(part)
		}
	}
	d.Reset()
}

// learn notes how much room the next draft is likely to need.
func (d *Draft) learn() {
	d.text, d.entries = 0, 0
	for i := range d.parts {
		for _, g := range d.parts[i].Batch.Groups {
			d.text, d.entries = max(d.text, len(g.Text)), max(d.entries, g.Len())
		}
	}
}

// Reset empties the draft, and lets the memory of what nobody has taken be used again.
func (d *Draft) Reset() {
	for i := range d.parts {
		d.parts[i].Batch.Recycle()
	}
	d.Behind, d.goesOn, d.parts = false, false, d.parts[:0]
}

// Add copies an entry.
func (d *Draft) Add(labels *Labels, e Entry) {
	part, size := &d.parts[len(d.parts)-1], e.Size()
	switch {
	case part.Batch.Entries == 0:
		if part.Behind = d.Behind; size > part.most {
			part.most = d.most // the batch that it was meant for has no room
		}
		own := labels.Of(e.Stream)
		part.Batch.group(own, e.tenant(own), e.Stream).reserve(d.text, d.entries)
	case part.Behind != d.Behind, part.Batch.Bytes+size > part.most:
		part = d.next(d.most)
		part.Behind = d.Behind
	}
	part.Batch.Add(labels, e)
}

// next begins another part, in the memory of one that was emptied.
func (d *Draft) next(most int) *Part {
	n := len(d.parts)
	if n == cap(d.parts) {
		d.parts = append(d.parts, Part{})
	}
	d.parts = d.parts[:n+1]
	part := &d.parts[n]
	part.Behind, part.most = false, most
	return part
}
