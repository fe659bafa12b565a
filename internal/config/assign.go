package config

// assignment is one source's value for a setting: not yet parsed texts.
type assignment struct {
	setting *setting
	// from says in words where the value comes from, for people.
	from  string
	texts []text
	// bad tells that a part of the value has been refused and reported.
	bad bool
}

// text is one text of an assignment, with what its errors begin with.
type text struct {
	value string
	where string
}

// assignments gathers what one source says.
type assignments []assignment

// add appends a text, to the last assignment of the same setting when that
// takes several: only flags come one by one.
func (a *assignments) add(s *setting, from string, t text) {
	if s.kind.shape != one {
		for i := range *a {
			if (*a)[i].setting == s {
				(*a)[i].texts = append((*a)[i].texts, t)
				return
			}
		}
	}
	*a = append(*a, assignment{setting: s, from: from, texts: []text{t}})
}
