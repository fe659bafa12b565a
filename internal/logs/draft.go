package logs

// Draft is what a source gathers of one container between asking a lane for room and
// handing over: batches of the lane's size, in order. It belongs to the source, which fills
// it without any lock, and is used again and again.
type Draft struct {
	// Behind says that what is added comes from a log that is being caught up with: the time
	// that its delivery takes says nothing of that of what is written now.
	Behind bool
	// Parts are what was gathered. Whoever takes one leaves an empty batch.
	Parts []Part
	// most is the size of a part, in bytes.
	most int
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
	d.Parts[0].Batch.Take(b)
	d.Parts[0].Behind = behind
}

// Reset empties the draft, and lets the memory of what nobody has taken be used again.
func (d *Draft) Reset() {
	for i := range d.Parts {
		d.Parts[i].Batch.Recycle()
	}
	d.Behind, d.Parts = false, d.Parts[:0]
}

// Add copies an entry.
func (d *Draft) Add(labels *Labels, e Entry) {
	part, size := &d.Parts[len(d.Parts)-1], e.size()
	switch {
	case part.Batch.Entries == 0:
		if part.Behind = d.Behind; size > part.most {
			part.most = d.most // the batch that it was meant for has no room
		}
	case part.Behind != d.Behind, part.Batch.Bytes+size > part.most:
		part = d.next(d.most)
		part.Behind = d.Behind
	}
	part.Batch.Add(labels, e)
}

// next begins another part, in the memory of one that was emptied.
func (d *Draft) next(most int) *Part {
	n := len(d.Parts)
	if n == cap(d.Parts) {
		d.Parts = append(d.Parts, Part{})
	}
	d.Parts = d.Parts[:n+1]
	part := &d.Parts[n]
	part.Behind, part.most = false, most
	return part
}
