package target

// first is the first look at what runs: the logs of what was inspected are opened while the
// rest is, as an engine may take a second for a thousand containers. Whoever opens them looks
// at all that is known, so that is not told of each, but when as much again has been found.
type first struct {
	// left is how many are still to be inspected, 0 when it is over.
	left int
	// found were found, and told is of how many of them somebody was told last.
	found, told int
}

// next notes that one more was found, and returns whether that is to be told: the last ones
// at once, as others may be slow.
func (f *first) next() (tell bool) {
	f.left--
	if f.found++; f.left > 2*inspectors && f.found < 2*f.told {
		return false
	}
	f.told = f.found
	return true
}

// begin has Wanted return what there is, while so many containers that run are still to be
// inspected for the first time; unless labels may still become structured metadata, which
// would then be labels at each start until enough of their values were seen.
func (d *Discovery) begin(running int) {
	early := d.config.Early && !d.rules.Load().Cardinality.Moves()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.listed && early && running > 0 {
		d.listed, d.first = true, first{left: running}
		signal(d.updates)
	}
}

// tell tells that a container was found; the lock is held.
func (d *Discovery) tell() {
	if d.listed && (d.first.left <= 0 || d.first.next()) {
		signal(d.updates) // at once: others may be slow
	}
}
