package licence

import (
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"Apache License\n        Version 2.0, January 2004", []string{"Apache-2.0"}},
		{"Permission is hereby granted, free of\ncharge, to any person obtaining a copy", []string{"MIT"}},
		{"Redistributions in binary form must reproduce … Neither the name of", []string{"BSD-3-Clause"}},
		{"Redistributions in binary form must reproduce …", []string{"BSD-2-Clause"}},
		{"GNU GENERAL PUBLIC LICENSE\nVersion 3", []string{"GPL"}},
		{"Mozilla Public License, version 2.0", []string{"MPL-2.0"}},
		{"All rights reserved. You may look at it.", nil},
	} {
		if got := Names(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestCheck: what is unknown or not allowed is refused, also beside what is.
func TestCheck(t *testing.T) {
	for _, names := range [][]string{nil, {"GPL"}, {"MIT", "SSPL"}, {"MPL-2.0"}} {
		if err := (&Module{Path: "example.com/m", Names: names}).check(); err == nil {
			t.Errorf("%q is taken", names)
		}
	}
	if err := (&Module{Names: []string{"BSD-3-Clause", "MIT"}}).check(); err != nil {
		t.Error(err)
	}
}
