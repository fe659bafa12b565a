package stage

import (
	"strings"
	"testing"
)

// TestMultilineIsLed: only a line that firstline matches has others joined to it.
func TestMultilineIsLed(t *testing.T) {
	p := compile(t, "- multiline: {firstline: '^[A-Z]'}\n")
	g := p.groupings[0].group
	for _, c := range []struct{ lines, want string }{
		{"A b c B d", "Abc Bd"},
		{"a b A b", "a b Ab"},
		{"a b c", "a b c"},
		{"A B C", "A B C"},
	} {
		var got []string
		var state uint8
		for i, line := range strings.Fields(c.lines) {
			next, begins := g.Begins(state, []byte(line))
			if i == 0 || begins {
				got = append(got, "")
				next, _ = g.Begins(0, []byte(line))
			}
			got[len(got)-1] += line
			state = next
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, not %q", c.lines, got, c.want)
		}
	}
}
