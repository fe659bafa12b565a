package target

// changed notes that something has happened to a container. The engine answers
// an inspection only when it has started the container, and not at all when that
// has gone by then. So of a container that is not known yet, what can be learnt
// without the engine is taken first: its log is then opened while it exists.
// The inspection follows all the same.
func (d *Discovery) changed(id string) {
	if !d.Exists(id) {
		d.peek(id)
	}
	d.Refresh(id)
}

// peek takes what can be learnt without the engine of a container of which nothing is known.
func (d *Discovery) peek(id string) {
	if d.config.Peek == nil {
		return
	}
	c := d.config.Peek(id)
	if c == nil {
		return
	}
	t := d.config.Rules.Decide(c)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.targets[id] != nil {
		return
	}
	d.targets[id], d.fresh[id] = t, true
	if d.listed {
		signal(d.updates)
	}
}

// remove takes a container out of the set; the lock is held. One that nobody has
// seen in the set yet stays until somebody has: its log may have lines.
func (d *Discovery) remove(id string) {
	delete(d.unknown, id)
	if d.fresh[id] {
		d.gone[id] = true
		signal(d.updates)
		return
	}
	delete(d.targets, id)
	if d.listed {
		signal(d.updates) // at once: to inspect its successor may take until that has started
	}
}

// seen takes out what was kept for being seen; the lock is held.
func (d *Discovery) seen() {
	clear(d.fresh)
	for id := range d.gone {
		delete(d.targets, id)
		signal(d.updates)
	}
	clear(d.gone)
}
