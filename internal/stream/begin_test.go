package stream

import (
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestTails: which logs are resumed some records before their end.
func TestTails(t *testing.T) {
	known := logs.Position{Last: 1}
	options := func(more ...string) map[string]string {
		m := make(map[string]string)
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for _, test := range []struct {
		name, driver string
		options      map[string]string
		from         logs.Position
		want         bool
	}{
		{"no bound", "json-file", nil, known, true},
		{"from the beginning", "json-file", nil, logs.Position{}, false},
		{"another driver", "local", nil, known, false},
		{"a line is held back", "json-file", nil, logs.Position{Last: 2, Pending: 1}, false},
		{"small", "json-file", options("max-size", "10m", "max-file", "3"), known, false},
		{"large file", "json-file", options("max-size", "1g"), known, true},
		{"many files", "json-file", options("max-size", "100m", "max-file", "5"), known, true},
		{"compressed", "json-file", options("max-size", "100m", "max-file", "5", "compress", "true"), known, false},
		{"no limit", "json-file", options("max-size", "-1"), known, true},
		{"enormous", "json-file", options("max-size", "8000p", "max-file", "2000000000"), known, true},
		{"no number", "json-file", options("max-size", "10m", "max-file", "x"), known, false},
	} {
		got := tails(&logs.Container{Driver: test.driver, DriverOptions: test.options}, test.from)
		if !slices.Contains(got, 0) || (len(got) > 1) != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
