package output

// Leave notes that nothing more is handed over.
func (o *Output) Leave() { o.order.left.Store(true); o.WakeNext() }

// Waive makes nobody wait for this log.
func (o *Output) Waive() { o.order.waived.Store(true); o.WakeNext() }

// Waived reports whether nobody has to wait for this log.
func (o *Output) Waived() bool { return o.order.waived.Load() }

// Await makes others wait for this log, until it is delivered.
func (o *Output) Await() { o.order.waived.Store(false); o.order.readOut.Store(false) }

// ReadOut notes that all was read that was there when the container ended.
func (o *Output) ReadOut() { o.order.readOut.Store(true); o.WakeNext() }

// ReadOn notes that more is written.
func (o *Output) ReadOn() { o.order.readOut.Store(false) }

// Delivered reports whether all of a log that was left is with the sink, or whether nobody
// has to wait for that.
func (o *Output) Delivered() bool {
	return o.Waived() || o.order.left.Load() && o.Unanswered() == 0
}

// Passed reports the same as far as it is known: the journal is asked for some time yet
// whether there is more.
func (o *Output) Passed() bool {
	return o.Delivered() || o.order.readOut.Load() && o.Unanswered() == 0
}

// WakeNext makes the source go on that waits for this log, if that has an end.
func (o *Output) WakeNext() {
	if next := o.order.next.Load(); next != nil && o.Passed() {
		(*next)()
	}
}

// SetNext says what makes the source go on that waits for this log. It is called when this
// is delivered, more than once maybe.
func (o *Output) SetNext(wake func()) { o.order.next.Store(&wake) }
