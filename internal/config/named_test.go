package config

import (
	"strings"
	"testing"
)

// TestNamed: outputs are chosen by their names, the first one as loki-url; without a name all are.
func TestNamed(t *testing.T) {
	c := &Config{Outputs: []Output{{Name: "archive"}, {Name: "audit"}}}
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{nil, "loki-url archive audit"},
		{[]string{"audit"}, "audit"},
		{[]string{"audit", "loki-url"}, "audit loki-url"},
		{[]string{"archve"}, `there is no output "archve"; did you mean "archive"?`},
		{[]string{"nowhere"}, `there is no output "nowhere": there are loki-url, archive, audit`},
	} {
		found, err := c.Named(tt.names)
		var got []string
		for _, o := range found {
			if o == nil {
				got = append(got, "loki-url")
			} else {
				got = append(got, o.Name)
			}
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%q: %s, want %s", tt.names, text, tt.want)
		}
	}
}
