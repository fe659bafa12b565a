package assemble

// apart keeps equal entries apart. Loki keeps one entry of equal labels, timestamp and
// text. So an entry is sent with the first timestamp, from its own on, that its text was
// not sent with yet: the n-th of n equal lines n-1 ns later, and further where lines that
// are really later have the same text. Once there are more than maxTexts, a text that is
// not among them is sent later than everything of its kind, which is always free. What
// that needs to know is bounded and stands in the position, so a line that is read again
// is sent with the timestamp of the first time.
//
// The text is the one that is sent: two lines that differ may be equal once something
// secret was taken out of them.
type apart struct {
	time  int64
	texts []sent
	// free is the timestamp from which on nothing was sent.
	free int64
	// top is the newest timestamp that an entry which is not among texts was sent with,
	// 0 when there was none that matters any more.
	top int64
}

// sent is a text and the first timestamp that it was not sent with.
type sent struct {
	hash uint64
	next int64
}

// fresh reports whether nothing was sent with a timestamp or a later one. Where the clock
// was set back something may have been, but no memory could hold what.
func (a *apart) fresh(time int64) bool { return time >= a.free || time < a.time }

// begin goes on to a fresh timestamp: it is beyond all that was sent before, and that is
// forgotten.
func (a *apart) begin(time int64) {
	a.time, a.free, a.texts, a.top = time, time+1, a.texts[:0], 0
}

// at returns the timestamp to send an entry with, and notes it. shift is false where
// there are no equal entries: texts that are not kept are then taken for different ones.
func (a *apart) at(time int64, hash uint64, shift bool) int64 {
	if time != a.time {
		a.move(time)
	}
	at := time
	for i := range a.texts {
		if t := &a.texts[i]; t.hash == hash {
			at = max(at, t.next)
			t.next = at + 1
			a.free = max(a.free, at+1)
			return at
		}
	}
	if a.top != 0 && a.top >= at && shift {
		at = a.top + 1
	}
	if len(a.texts) < maxTexts {
		a.texts = append(a.texts, sent{hash, at + 1})
	} else {
		a.top = max(a.top, at)
	}
	a.free = max(a.free, at+1)
	return at
}

// move goes on to a timestamp that something was sent with already.
func (a *apart) move(time int64) {
	kept := a.texts[:0]
	for _, t := range a.texts {
		if t.next > time {
			kept = append(kept, t)
		}
	}
	a.time, a.texts = time, kept
	if a.top < time {
		a.top = 0
	}
}
