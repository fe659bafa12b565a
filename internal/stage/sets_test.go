package stage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// labelled returns the labels that a run sends a line with.
func labelled(r *Run, base *logs.Labels, line string) *logs.Labels {
	text := []byte(line)
	e := Entry{Time: start, Line: text, Labels: base}
	r.Process(&e)
	for i := range text { // its memory is used again
		text[i] = '!'
	}
	return e.Labels
}

// TestSetsApart: what a line writes does not decide the labels of a later one.
func TestSetsApart(t *testing.T) {
	p := compile(t, "- json: {expressions: {a: , b: }}\n- labels: {a: , b: }")
	lines := []string{`{"a":"x\u0000b\u0000y"}`, `{"a":"x","b":"y"}`, `{"a":"x\u0001b\u0001y"}`}
	for range 2 {
		r := p.For(base)
		for _, line := range lines {
			if got, want := labelled(r, base, line), labelled(p.For(base), base, line); !slices.Equal(got.Pairs, want.Pairs) {
				t.Errorf("%s is sent with %q instead of %q", line, got.Pairs, want.Pairs)
			}
		}
		slices.Reverse(lines)
	}
}

// TestSetsFull: equal sets are one pointer, also once there were too many and memory began anew.
func TestSetsFull(t *testing.T) {
	p := compile(t, "- json: {expressions: {a: , app: }}\n- labels: {a: , app: }")
	r := p.For(base)
	for i := range maxSets - 1 {
		labelled(r, base, fmt.Sprintf(`{"a":"n%d"}`, i))
	}
	labelled(r, base, `{"a":"x"}`)
	labelled(r, base, `{"a":"one too many"}`)
	// The same set by other changes: the container's app is a.
	if one, other := labelled(r, base, `{"a":"x"}`), labelled(r, base, `{"a":"x","app":"a"}`); one != other {
		t.Errorf("%q has two pointers", one.Pairs)
	}
}

// TestSetsModel: each entry's labels are what they would be without memory of others, whatever
// the labels of the container change to meanwhile.
func TestSetsModel(t *testing.T) {
	p := compile(t, `
- json: {expressions: {a: , b: , c: }}
- match: {selector: '{a="1"}', stages: [{labeldrop: [keep]}]}
- labels: {a: , b: , c: }
- match: {selector: '{} |= "Q"', stages: [{labelallow: [a]}]}`)
	bases := []*logs.Labels{
		logs.NewLabels(map[string]string{"b": "1", "keep": "k"}, map[string]string{"m": "1"}),
		logs.NewLabels(map[string]string{"a": "2", "keep": "l"}, nil),
		logs.NewLabels(map[string]string{"b": "1", "keep": "k"}, map[string]string{"m": "2"}),
	}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		at, values := bases[0], 2+rng.IntN(12)
		r := p.For(at)
		for range 300 {
			if rng.IntN(20) == 0 {
				at = bases[rng.IntN(len(bases))]
			}
			var parts []string
			for _, name := range []string{"a", "b", "c", "d"} {
				if rng.IntN(2) == 0 {
					parts = append(parts, fmt.Sprintf(`"%s":"%d%s"`, name, rng.IntN(values), []string{"", "", "", "Q"}[rng.IntN(4)]))
				}
			}
			line := "{" + strings.Join(parts, ",") + "}"
			got, want := labelled(r, at, line), labelled(p.For(at), at, line)
			if !slices.Equal(got.Pairs, want.Pairs) || !slices.Equal(got.Metadata, want.Metadata) {
				t.Fatalf("seed %d: %s is sent with %v instead of %v", seed, line, got, want)
			}
		}
	}
}
