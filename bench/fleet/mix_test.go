package fleet

import (
	"maps"
	"testing"
)

func TestParseMix(t *testing.T) {
	const paper = "json-file=95,journald=3,syslog=2"
	m, err := ParseMix(paper)
	if err != nil || m.String() != paper {
		t.Errorf("got %v %v", m, err)
	}
	for _, text := range []string{"", "json-file", "json-file=", "json-file=x", "=100", "json-file=99", "json-file=50,json-file=50", "a=-5,b=105", "a=NaN", "a=Inf", "a=100,"} {
		if m, err := ParseMix(text); err == nil {
			t.Errorf("%q was read as %v", text, m)
		}
	}
}

func TestDrivers(t *testing.T) {
	for _, c := range []struct {
		mix  string
		n    int
		want map[string]int
	}{
		{"json-file=95,journald=3,syslog=2", 50, map[string]int{"json-file": 47, "journald": 2, "syslog": 1}},
		{"json-file=95,journald=3,syslog=2", 1000, map[string]int{"json-file": 950, "journald": 30, "syslog": 20}},
		{"json-file=95,journald=3,syslog=2", 4, map[string]int{"json-file": 2, "journald": 1, "syslog": 1}},
		{"json-file=95,journald=3,syslog=2", 1, map[string]int{"json-file": 1}},
		{"json-file=100", 7, map[string]int{"json-file": 7}},
		{"a=33.3,b=33.3,c=33.4", 10, map[string]int{"a": 3, "b": 3, "c": 4}},
		{"a=1,b=1,c=98", 3, map[string]int{"a": 1, "b": 1, "c": 1}},
		{"a=34,b=33,c=33", 0, map[string]int{}},
	} {
		m, err := ParseMix(c.mix)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, driver := range m.Drivers(c.n) {
			got[driver]++
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s of %d: %v, want %v", c.mix, c.n, got, c.want)
		}
	}
}
