package collect

import "time"

// turnEvery is how often turns change while logs wait.
const turnEvery = 500 * time.Millisecond

// descriptors are those for logs.
type descriptors struct {
	// free is for how many more logs there are descriptors, as far as is known.
	free int
	// parked is how many logs are, and turnAt when they are looked at.
	parked int
	turnAt time.Time
	// warned: it was logged that there are more logs than descriptors.
	warned bool
}

// due is when turns are to be taken next; zero for not at all.
func (d *descriptors) due() time.Time {
	if d.parked == 0 && !d.warned {
		return time.Time{}
	}
	return d.turnAt
}

// park puts a log aside until there is a descriptor for it.
func (d *descriptors) park(u *unit, changed bool) {
	t := turn{since: time.Now()}
	if u.phase == parked {
		t = *u.turn.Load()
	} else {
		u.enter(parked)
		if d.parked++; d.parked == 1 {
			d.turnAt = t.since.Add(turnEvery)
		}
	}
	t.changed = t.changed || changed
	u.turn.Store(&t)
}

// unpark notes that a log does not wait any more.
func (d *descriptors) unpark(u *unit) {
	if u.phase == parked {
		u.enter(idle)
		u.turn.Store(nil)
		d.parked--
	}
}
