package target

// changed notes that something has happened to a container. The engine answers
// an inspection only when it has started the container, and not at all when that
// has gone by then. So of a container that is not known yet, what can be learnt
// without the engine is taken first: its log is then opened while it exists.
// The inspection follows all the same.
func (d *Discovery) changed(id string) {
	d.mu.Lock()
	k := d.containers[id]
	inspected := k != nil && (k.target != nil || k.unknown != "")
	d.mu.Unlock()
	if !inspected { // though it may have been listed
		d.peek(id)
	}
	d.Refresh(id)
}

// peek takes what can be learnt without the engine of a container of which nothing is known.
func (d *Discovery) peek(id string) {
	if d.config.Peek == nil {
		return
	}
	rules := d.rules.Load() // before what they are to decide is looked at
	c := d.config.Peek(id)
	if c == nil {
		return
	}
	t := rules.Decide(c)
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.of(id)
	if k.target != nil {
		return
	}
	k.target, k.fresh = t, true
	if d.listed {
		signal(d.updates)
	}
}
