package diff

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/lokiquery"
)

// fake is a Loki in memory. It knows selectors as this package makes them.
type fake []lokiquery.Entry

// Streams implements Source.
func (f fake) Streams(context.Context, string, int64, int64) (out []map[string]string, _ error) {
	for _, e := range f {
		if !slices.ContainsFunc(out, func(l map[string]string) bool { return maps.Equal(l, e.Labels) }) {
			out = append(out, e.Labels)
		}
	}
	return out, nil
}

// Entries implements Source.
func (f fake) Entries(ctx context.Context, q lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
	return func(yield func(lokiquery.Entry, error) bool) {
		q.Limit = 0
		all, err := f.Page(ctx, q)
		for _, e := range all {
			if !yield(e, err) {
				return
			}
		}
	}
}

// Page implements Source.
func (f fake) Page(_ context.Context, q lokiquery.Query) (out []lokiquery.Entry, _ error) {
	for _, e := range f {
		if e.Time >= q.From && e.Time < q.To && selects(q.Selector, e.Labels) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b lokiquery.Entry) int { return cmp.Compare(a.Time, b.Time) })
	if q.Limit > 0 && len(out) > q.Limit {
		if q.Backward {
			return out[len(out)-q.Limit:], nil
		}
		return out[:q.Limit], nil
	}
	return out, nil
}

func selects(selector string, labels map[string]string) bool {
	for part := range strings.SplitSeq(strings.Trim(selector, "{}"), ",") {
		if name, found := strings.CutSuffix(part, `=~".+"`); found {
			if labels[name] == "" {
				return false
			}
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if labels[name] != strings.Trim(value, `"`) {
			return false
		}
	}
	return true
}

// compared runs a comparison of two fakes, whatever their times.
func compared(t *testing.T, left, right fake, more func(*Diff)) (all []*Result) {
	t.Helper()
	d := &Diff{Sources: [2]Source{left, right}, From: 0, To: 1 << 60, Examples: 2}
	if more != nil {
		more(d)
	}
	if err := d.Run(t.Context(), func(r *Result) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func sum(all []*Result) (out Count) {
	for _, r := range all {
		out.Both += r.Both
		out.OnlyLeft += r.OnlyLeft
		out.OnlyRight += r.OnlyRight
	}
	return out
}

// TestModel: what is found is what a comparison of all lines as multisets finds.
func TestModel(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var left, right fake
		want := Count{}
		for range 1 + r.IntN(40) {
			c := r.IntN(3)
			e := lokiquery.Entry{Time: int64(r.IntN(20)), Line: fmt.Sprint(c, " ", r.IntN(3))} // containers have lines of their own
			e.Labels = map[string]string{"container": fmt.Sprint(c)}
			switch r.IntN(8) {
			case 0:
				left = append(left, e)
			case 1:
				right = append(right, e)
			default:
				left, right = append(left, e), append(right, e)
			}
		}
		if len(left)+len(right) == 0 {
			continue
		}
		counts := make(map[string]int)
		for _, e := range left {
			counts[fmt.Sprint(e.Time, e.Line)]++
		}
		for _, e := range right {
			counts[fmt.Sprint(e.Time, e.Line)]--
		}
		for _, n := range counts {
			want.OnlyLeft += int64(max(0, n))
			want.OnlyRight += int64(max(0, -n))
		}
		want.Both = int64(len(left)) - want.OnlyLeft
		got := sum(compared(t, left, right, nil))
		if got.Both != want.Both || got.OnlyLeft != want.OnlyLeft || got.OnlyRight != want.OnlyRight {
			t.Fatalf("seed %d: %+v, want %+v", seed, got, want)
		}
	}
}

// TestOtherLabels: streams whose labels differ are found by their lines, also where one side
// has two for one of the other.
func TestOtherLabels(t *testing.T) {
	var left, right fake
	for k := range 100 {
		for _, c := range []string{"a", "b"} {
			e := lokiquery.Entry{Time: int64(k), Line: "the same of both"}
			if k%10 > 0 {
				e.Line = fmt.Sprint(c, k)
			}
			stream := "stdout"
			if k%20 == 5 {
				stream = "stderr"
			}
			e.Labels = map[string]string{"container": c, "job": "docker"}
			left = append(left, e)
			e.Labels = map[string]string{"container": c, "stream": stream}
			right = append(right, e)
		}
	}
	all := compared(t, left, right, nil)
	if len(all) != 2 {
		t.Fatalf("%d results, want 2", len(all))
	}
	for _, r := range all {
		want := []LabelDifference{{"job", []string{"docker"}, []string{""}}, {"stream", []string{""}, []string{"stderr", "stdout"}}}
		if r.Both != 100 || r.OnlyLeft+r.OnlyRight != 0 || r.Streams != [2]int{1, 2} || fmt.Sprint(r.Labels) != fmt.Sprint(want) || r.Same() {
			t.Errorf("%+v", r)
		}
	}
	for _, r := range compared(t, left, right, func(d *Diff) { d.Ignored = []string{"job", "stream"} }) {
		if !r.Same() || r.Both != 100 {
			t.Errorf("with both labels ignored: %+v", r)
		}
	}
}

// TestMetadata: structured metadata makes a difference only where that is asked for, and then
// without what is ignored.
func TestMetadata(t *testing.T) {
	of := func(metadata map[string]string) fake {
		return fake{{Labels: map[string]string{"a": "b"}, Time: 1, Line: "x", Metadata: metadata}}
	}
	left, right := of(map[string]string{"id": "1"}), of(map[string]string{"id": "2"})
	if got := sum(compared(t, left, right, nil)); got.Both != 1 {
		t.Errorf("%+v", got)
	}
	if got := sum(compared(t, left, right, func(d *Diff) { d.Metadata = true })); got.Both != 0 || got.OnlyLeft != 1 || got.OnlyRight != 1 {
		t.Errorf("with metadata: %+v", got)
	}
	if got := sum(compared(t, left, right, func(d *Diff) { d.Metadata, d.Ignored = true, []string{"id"} })); got.Both != 1 {
		t.Errorf("with an ignored name: %+v", got)
	}
}

// TestMetadataInLine: no line reads as another with metadata.
func TestMetadataInLine(t *testing.T) {
	labels := map[string]string{"a": "b"}
	left := fake{{Labels: labels, Time: 1, Line: "x", Metadata: map[string]string{"id": "1"}}}
	for _, line := range []string{"x\x00id\x001", `x"id""1"`, `1 x"id""1"`} {
		right := fake{{Labels: labels, Time: 1, Line: line}}
		if got := sum(compared(t, left, right, func(d *Diff) { d.Metadata = true })); got.Both != 0 {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

// TestExamples are bounded in number and length.
func TestExamples(t *testing.T) {
	var left fake
	for k := range 10 {
		left = append(left, lokiquery.Entry{Labels: map[string]string{"a": "b"}, Time: int64(k), Line: strings.Repeat("ü", 1000)})
	}
	all := compared(t, left, nil, nil)
	if len(all) != 1 || len(all[0].Examples) != 2 || !all[0].Examples[0].Cut || len(all[0].Examples[0].Line) > longestExample+3 || all[0].OnlyLeft != 10 {
		t.Errorf("%+v", all)
	}
	if err := (&Diff{Sources: [2]Source{fake{}, fake{}}, To: 9}).Run(t.Context(), nil); err != ErrNothing {
		t.Errorf("nothing to compare: %v", err)
	}
}
