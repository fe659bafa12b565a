package target

import "github.com/lighterman/lighterman/internal/logs"

// Wanted returns the containers to collect, and whether the set is known at
// all: before the first list nothing may be concluded from a container's absence.
func (d *Discovery) Wanted() (set map[string]*logs.Container, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	set = d.wanted()
	if d.listed {
		for _, k := range d.containers {
			if k.seen() {
				signal(d.updates)
			}
		}
	}
	return set, d.listed
}

// Known reports whether the set is known at all.
func (d *Discovery) Known() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.listed
}

// Complete reports whether all that there was at the first look has been inspected.
func (d *Discovery) Complete() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.complete
}

// wanted returns the containers to collect; the lock is held.
func (d *Discovery) wanted() map[string]*logs.Container {
	set := make(map[string]*logs.Container, len(d.containers))
	for id, k := range d.containers {
		if k.target != nil && k.target.Chosen() {
			set[id] = k.target.Container
		}
	}
	return set
}

// Targets returns what was decided about every container, chosen or not, by ID. The routes
// are not decided.
func (d *Discovery) Targets() map[string]*Target {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.targets()
}

// Labels returns the labels of a container: those that were decided when it was found, or
// decided now if what they depend on is not the same any more. Other rules count when the
// container was inspected for them: they may ask for what was not kept of it.
func (d *Discovery) Labels(c *logs.Container) *logs.Labels {
	t, rules := d.target(c.ID), d.rules.Load()
	if t != nil && t.basis.rules != nil {
		rules = t.basis.rules
	}
	now := rules.basis() // which may ask the engine: without the lock
	if t != nil && t.Container == c && t.basis == now {
		return t.Labels
	}
	fresh := rules.decide(c, now)
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.containers[c.ID]; t != nil && t.Container == c && k != nil && k.target == t {
		k.target = fresh
		if fresh.Chosen() != t.Chosen() {
			signal(d.updates)
		}
	}
	return fresh.Labels
}

// Exists reports whether the source has a container, wanted or not.
func (d *Discovery) Exists(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.containers[id]
	return k != nil && k.exists()
}

// Excluded reports whether the source has a container which is not to be collected.
// One that could not be inspected is not excluded.
func (d *Discovery) Excluded(id string) bool {
	t := d.target(id)
	return t != nil && !t.Chosen()
}

// Unknown returns the containers that exist and of which nothing can be learnt,
// by ID, and why.
func (d *Discovery) Unknown() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[string]string)
	for id, k := range d.containers {
		if k.unknown != "" {
			out[id] = k.unknown
		}
	}
	return out
}

// of returns what is known of a container; the lock is held.
func (d *Discovery) of(id string) *known {
	k := d.containers[id]
	if k == nil {
		k = &known{}
		d.containers[id] = k
	}
	return k
}

// targets returns what was decided about every container; the lock is held.
func (d *Discovery) targets() map[string]*Target {
	out := make(map[string]*Target, len(d.containers))
	for id, k := range d.containers {
		if k.target != nil {
			out[id] = k.target
		}
	}
	return out
}

// target returns what was decided about a container, nil for nothing.
func (d *Discovery) target(id string) *Target {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.containers[id]; k != nil {
		return k.target
	}
	return nil
}

// Remarks says what of a container's labels is not as its owner or the configuration asks for.
func (d *Discovery) Remarks(id string) []string {
	if t := d.target(id); t != nil {
		return t.Remarks()
	}
	return nil
}
