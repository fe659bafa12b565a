package tail

import "slices"

// ordered returns all that was seen, oldest first. Each look's order holds. Where no look
// shows which of two files is older, it is the one that was seen last by the earlier
// look: rotation deletes the oldest file first.
func (s *snapshot) ordered() (out []*generation) {
	lists := make([][]*generation, len(s.seen))
	last := make(map[*generation]int)
	for i, look := range s.seen {
		for _, sighting := range look {
			lists[i] = append(lists[i], sighting.file)
			last[sighting.file] = i
		}
	}
	for len(last) > 0 {
		next := oldest(lists, last)
		out = append(out, next)
		delete(last, next)
		for i, list := range lists {
			lists[i] = slices.DeleteFunc(list, func(g *generation) bool { return g == next })
		}
	}
	return out
}

// oldest returns the file that lists begin with and that none has behind another; of
// several the one whose last sighting is the earliest.
func oldest(lists [][]*generation, last map[*generation]int) (out *generation) {
	for strict := true; out == nil; strict = false { // not strict where somebody else has renamed files
		for _, list := range lists {
			if len(list) == 0 || (strict && behind(list[0], lists)) {
				continue
			}
			if out == nil || last[list[0]] < last[out] {
				out = list[0]
			}
		}
	}
	return out
}

func behind(g *generation, lists [][]*generation) bool {
	return slices.ContainsFunc(lists, func(list []*generation) bool {
		return len(list) > 0 && slices.Contains(list[1:], g)
	})
}

// unique leaves out of files in order those that are there twice, as they were
// compressed between two looks, and those that have vanished empty. Of two the first has
// the right place, and the other is what Docker still has.
func (s *snapshot) unique(all []*generation) (out []*generation) {
	all = slices.Clone(all)
	var taken []*generation
	// The newest first: it is the older one whose copy may be gone.
	for i, g := range slices.Backward(all) {
		if g == nil || g.compressed || !s.vanished(g) {
			continue
		}
		var others []*generation
		for _, other := range all {
			if other != nil && other.compressed && !s.together(g, other) && !slices.Contains(taken, other) {
				others = append(others, other)
			}
		}
		if at := g.compressedAs(others, true); at >= 0 {
			other := others[at]
			taken = append(taken, other)
			at = slices.Index(all, other)
			all[max(i, at)], all[min(i, at)] = nil, other
		}
	}
	return slices.DeleteFunc(all, func(g *generation) bool { return g == nil || s.vanished(g) && g.empty() })
}

// together reports whether one look saw both, so that they are two files, whatever is in
// them: all parts of a long line can be alike.
func (s *snapshot) together(a, b *generation) bool {
	return slices.ContainsFunc(s.seen, func(look []sighting) bool { return saw(look, a) && saw(look, b) })
}

// vanished reports whether the last look did not see a file.
func (s *snapshot) vanished(g *generation) bool { return !saw(s.seen[len(s.seen)-1], g) }

func saw(look []sighting, g *generation) bool {
	return slices.ContainsFunc(look, func(now sighting) bool { return now.file == g })
}

// remained reports whether a file had a name that it has had since an earlier look.
func (s *snapshot) remained(g *generation, earlier []name) bool {
	return slices.ContainsFunc(s.seen, func(look []sighting) bool {
		return slices.ContainsFunc(look, func(now sighting) bool { return now.file == g && now.name.remains(earlier) })
	})
}

// before returns the order of the file that a look has seen right before another one, which
// it has had since an earlier look.
func (s *snapshot) before(g *generation, earlier []name) (order int, ok bool) {
	for _, look := range slices.Backward(s.seen) {
		at := slices.IndexFunc(look, func(now sighting) bool { return now.file == g })
		if at <= 0 {
			continue
		}
		if known := look[at-1].name.among(earlier); known >= 0 && earlier[known].ranked {
			return earlier[known].order, true
		}
	}
	return 0, false
}
