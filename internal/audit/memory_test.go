package audit

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/lighterman/lighterman/internal/lokiquery"
)

// TestRest: what Loki has behind the end of the log is counted, and not kept.
func TestRest(t *testing.T) {
	const n, most = 100_000, 100
	var a *Audit
	kept := 0
	a = New(Config{From: 1, To: 1 << 60, Most: most, Container: "c", IDName: "container_id", Naming: []string{"container"}, Source: func(context.Context, string, lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
		return func(yield func(lokiquery.Entry, error) bool) {
			for i := range int64(n) {
				if kept = max(kept, len(a.young)); !yield(entry(i+10, fmt.Sprint("strange ", i)), nil) {
					return
				}
			}
		}
	}})
	defer a.Close()
	if err := a.Add(t.Context(), Stored{Time: 5, Text: []byte("a"), Labels: web}); err != nil {
		t.Fatal(err)
	}
	if err := a.End(); err != nil {
		t.Fatal(err)
	}
	if a.Result.Strange != n || kept > 2*most+2048 {
		t.Errorf("%d strange, %d kept", a.Result.Strange, kept)
	}
}

// TestOneTime: entries of one time are no more work than others, and are taken in the order in
// which they came.
func TestOneTime(t *testing.T) {
	const n = 200_000
	var s side
	nodes := make([]*node, n)
	for k := range nodes {
		nodes[k] = &node{time: 5, hash: uint64(k / 2)}
		s.add(nodes[k])
	}
	// From both ends: no walk along the others.
	for k := n - 1; k > n/2; k -= 2 {
		if s.take(5, uint64(k/2)) != nodes[k-1] || s.take(5, uint64(k/2)) != nodes[k] || s.take(5, uint64(k/2)) != nil {
			t.Fatal(k, "is not there, or another one")
		}
	}
	for k := range n / 2 {
		if s.at(5) != nodes[k] || s.oldest() != nodes[k] {
			t.Fatal(k, "is not the oldest")
		}
	}
	if s.oldest() != nil || s.live+len(s.times)+len(s.texts) != 0 {
		t.Errorf("%d are left", s.live)
	}
}
