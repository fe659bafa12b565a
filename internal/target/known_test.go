package target

import (
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestKnown: what happens to a container, step by step, and what is known of it then.
func TestKnown(t *testing.T) {
	whole, part := &Target{Container: &logs.Container{Name: "whole"}}, &Target{Container: &logs.Container{Name: "part", Partial: true, Problem: "torn"}}
	steps := map[string]func(k *known){
		"whole": func(k *known) { k.found(whole) }, "part": func(k *known) { k.found(part) },
		"peek":    func(k *known) { k.target, k.fresh = part, true },
		"missing": func(k *known) { k.missing(false) }, "unsettled": func(k *known) { k.missing(true) },
		"unlisted": func(k *known) { k.unlisted(true) }, "new": func(k *known) { k.unlisted(false) },
		"seen": func(k *known) { k.seen() }, "taken": func(k *known) { k.dirty = false },
	}
	for _, test := range []struct {
		steps            []string
		target           *Target
		unknown          string
		dirty, forgotten bool
	}{
		{[]string{}, nil, "", false, true},
		{[]string{"whole"}, whole, "", false, false},
		{[]string{"part"}, part, "", false, false},
		{[]string{"part", "whole"}, whole, "", false, false},
		{[]string{"whole", "part"}, whole, "torn", true, false},
		{[]string{"whole", "missing"}, nil, "", false, false},
		{[]string{"whole", "missing", "part"}, nil, "torn", true, false}, // what is left of its directory
		{[]string{"whole", "missing", "unlisted"}, nil, "", false, true},
		{[]string{"whole", "unlisted", "part"}, part, "", false, false},
		{[]string{"unsettled"}, nil, "", true, false},
		{[]string{"unsettled", "taken", "whole"}, whole, "", false, false},
		{[]string{"unsettled", "taken", "unlisted"}, nil, "", false, true},
		{[]string{"peek", "missing"}, part, "", false, false}, // until it was seen
		{[]string{"peek", "missing", "seen"}, nil, "", false, true},
		{[]string{"peek", "seen", "missing"}, nil, "", false, true},
		{[]string{"peek", "missing", "whole", "seen"}, whole, "", false, false},
		{[]string{"peek", "new"}, part, "", false, false}, // made while the list was
	} {
		k := &known{}
		for _, step := range test.steps {
			steps[step](k)
		}
		if k.target != test.target || k.unknown != test.unknown || k.dirty != test.dirty || k.forgotten() != test.forgotten {
			t.Errorf("%v: %+v, forgotten: %v", test.steps, k, k.forgotten())
		}
	}
}
