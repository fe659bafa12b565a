package producer

// Leave notes that nothing more is handed over.
func (p *Producer) Leave() { p.order.left.Store(true); p.WakeNext() }

// Waive makes nobody wait for this log.
func (p *Producer) Waive() { p.order.waived.Store(true); p.WakeNext() }

// Waived reports whether nobody has to wait for this log.
func (p *Producer) Waived() bool { return p.order.waived.Load() }

// Await makes others wait for this log, until it is delivered.
func (p *Producer) Await() { p.order.waived.Store(false); p.order.readOut.Store(false) }

// ReadOut notes that all was read that was there when the container ended.
func (p *Producer) ReadOut() { p.order.readOut.Store(true); p.WakeNext() }

// ReadOn notes that more is written.
func (p *Producer) ReadOn() { p.order.readOut.Store(false) }

// Delivered reports whether all of a log that was left is with the sink, or whether nobody
// has to wait for that.
func (p *Producer) Delivered() bool {
	return p.Waived() || p.order.left.Load() && p.Unanswered() == 0
}

// Passed reports the same as far as it is known: the journal is asked for some time yet
// whether there is more.
func (p *Producer) Passed() bool {
	return p.Delivered() || p.order.readOut.Load() && p.Unanswered() == 0
}

// WakeNext makes the source go on that waits for this log, if that has an end.
func (p *Producer) WakeNext() {
	if next := p.order.next.Load(); next != nil && p.Passed() {
		(*next)()
	}
}

// SetNext says what makes the source go on that waits for this log. It is called when this
// is delivered, more than once maybe.
func (p *Producer) SetNext(wake func()) { p.order.next.Store(&wake) }
