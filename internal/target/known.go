package target

// known is what is known of one container; Discovery.mu guards it.
type known struct {
	// target is what was decided about it; nil while nothing is known but that it is there,
	// or was.
	target *Target
	// dirty reports whether it is to be inspected.
	dirty bool
	// unknown says why it could not be inspected; it is empty for one that could.
	unknown string
	// awaited reports whether it was listed and is still to be inspected.
	awaited bool
	// unsettled reports whether it is being made or removed, and to be looked at again soon.
	unsettled bool
	// past reports whether all was known of it once. What is left of its directory while it
	// is removed is no container.
	past bool
	// fresh reports whether it is known only by Peek and Wanted has not returned it yet, and
	// gone whether it does not exist any more: it stays until Wanted has.
	fresh, gone bool
	// told is what was logged of it.
	told told
}

// told is what was logged of a container.
type told struct{ problem, notes, asked, ignored, excluded string }

// exists reports whether the source has it, as far as is known.
func (k *known) exists() bool { return k.awaited || k.target != nil || k.unknown != "" }

// found notes what an inspection has found, and reports whether that counts: what was known
// as a whole is better than what is known in part.
func (k *known) found(t *Target) bool {
	k.unsettled, k.awaited = false, false
	if t.Container.Partial && (k.past || k.target != nil && !k.target.Container.Partial) {
		k.dirty, k.unknown = true, t.Container.Problem
		return false
	}
	k.target, k.past = t, !t.Container.Partial
	k.unknown, k.gone = "", false
	return true
}

// missing notes that there is no such container. One that is being made or removed is looked
// at again.
func (k *known) missing(unsettled bool) {
	k.unknown, k.unsettled, k.awaited = "", unsettled, false
	k.dirty = k.dirty || unsettled
	if k.fresh {
		k.gone = true // its log may have lines
		return
	}
	k.target = nil
}

// unlisted notes that the source does not list it. The rest is only forgotten if it was
// known before the list: of what is added while one is made, that says nothing.
func (k *known) unlisted(before bool) {
	k.unknown, k.unsettled, k.awaited, k.past, k.told = "", false, false, false, told{}
	if before {
		k.missing(false)
	}
}

// seen notes that Wanted has returned it, and reports whether it goes now.
func (k *known) seen() (goes bool) {
	goes = k.gone
	k.fresh, k.gone = false, false
	if goes {
		k.target = nil
	}
	return goes
}

// forgotten reports whether nothing is left to be known.
func (k *known) forgotten() bool {
	return !k.exists() && !k.dirty && !k.unsettled && !k.past && !k.fresh && k.told == told{}
}
