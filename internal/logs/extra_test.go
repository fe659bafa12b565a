package logs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func pairs(m Metadata) (out []string) {
	for name, value := range m.All() {
		out = append(out, string(name)+"="+string(value))
	}
	return out
}

func TestMetadata(t *testing.T) {
	var m Metadata
	for name, value := range m.All() {
		t.Errorf("nothing has %s=%s", name, value)
	}
	long := strings.Repeat("ü", MaxLabelValue)
	m = m.Append("level", "info").Append("empty", "").Append("", "nameless").Append(strings.Repeat("n", MaxLabelName+1), "v").
		Append("bad", "\xff").Append("long", long).Append("last", strings.Repeat("x", 300))
	want := []string{"level=info", "bad=\ufffd", "long=" + long[:MaxLabelValue], "last=" + strings.Repeat("x", 300)}
	if got := pairs(m); !slices.Equal(got, want) {
		t.Errorf("got %.100q", got)
	}
	for range m.All() {
		break // and no more
	}
}

func TestValidTenant(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, ".": false, "..": false, "a": true, "team-a_1.b": true, "(x)!*'": true, "a b": false, "a|b": false, "a/b": false,
		"a\nb": false, "ü": false, strings.Repeat("a", 150): true, strings.Repeat("a", 151): false,
	} {
		if ValidTenant(name) != want {
			t.Errorf("%q: want %v", name, want)
		}
	}
}

// TestExtraStaysWithItsEntry through everything that is done with batches, and counts.
func TestExtraStaysWithItsEntry(t *testing.T) {
	for round := range uint64(200) {
		rng := rand.New(rand.NewPCG(round, 1))
		labels := []*Labels{{}, {}}
		want := make(map[string]string) // by line
		size := 0
		add := func(add func(*Labels, Entry), n int, often float64) {
			for range n {
				e := Entry{Time: int64(len(want)), Line: fmt.Append(nil, "line ", len(want)), Stream: Stream(rng.IntN(2))}
				if rng.Float64() < often {
					e.Extra = &Extra{Tenant: []string{"", "a", "b"}[rng.IntN(3)]}
					for i := range rng.IntN(3) {
						e.Extra.Metadata = e.Extra.Metadata.Append(fmt.Sprint("name", i), strings.Repeat("v", 1+rng.IntN(400)))
					}
				}
				add(labels[rng.IntN(2)], e)
				want[string(e.Line)] = e.tenant(new(Labels))
				size += len(e.Line) + EntryOverhead
				if e.Extra != nil {
					size += len(e.Extra.Metadata)
					want[string(e.Line)] += fmt.Sprint(pairs(e.Extra.Metadata))
				} else {
					want[string(e.Line)] += "[]"
				}
			}
		}
		var b Batch
		var d Draft
		often := []float64{0, 0.02, 0.5, 1}
		for range 1 + rng.IntN(4) {
			add(b.Add, rng.IntN(50), often[rng.IntN(4)])
			d.Open(100+rng.IntN(2000), 1000)
			add(d.Add, rng.IntN(50), often[rng.IntN(4)])
			for i := range d.parts {
				b.Take(&d.parts[i].Batch)
			}
			d.Reset()
		}
		if b.Bytes != size || Join(b.Groups...).Bytes != size {
			t.Fatalf("round %d: %d bytes, joined %d, want %d", round, b.Bytes, Join(b.Groups...).Bytes, size)
		}
		got, total := make(map[string]string), 0
		for _, part := range b.Parts(1 + rng.IntN(20)) {
			total += part.Bytes
			for _, g := range part.Groups {
				for i := range g.Len() {
					got[string(g.Line(i))] = g.Tenant + fmt.Sprint(pairs(g.MetadataOf(i)))
					if e := g.Entry(i); e.tenant(new(Labels)) != g.Tenant || e.Size() != len(g.Line(i))+EntryOverhead+len(g.MetadataOf(i)) {
						t.Fatalf("round %d: entry %+v", round, e)
					}
				}
			}
		}
		if total != size || len(got) != len(want) {
			t.Fatalf("round %d: %d entries of %d bytes, want %d of %d", round, len(got), total, len(want), size)
		}
		for line, extra := range want {
			if got[line] != extra {
				t.Fatalf("round %d: %q has %q, want %q", round, line, got[line], extra)
			}
		}
		b.Recycle()
	}
}

// TestNoExtraCostsNothing: no memory is made for entries without, also in memory that was
// used for others.
func TestNoExtraCostsNothing(t *testing.T) {
	labels := &Labels{}
	var b Batch
	b.Add(labels, Entry{Line: []byte("x"), Extra: &Extra{Metadata: Metadata(nil).Append("a", "b")}})
	b.Recycle()
	for range 100 {
		b.Add(labels, Entry{Line: []byte("x")})
		b.Add(labels, Entry{Line: []byte("x"), Extra: &Extra{}})
	}
	if g := b.Groups[0]; g.Metadata != nil || g.MetadataEnds != nil || b.Bytes != 200*(1+EntryOverhead) {
		t.Errorf("%d bytes, metadata %v, %v", b.Bytes, g.Metadata, g.MetadataEnds)
	}
}

// FuzzMetadata: what was appended comes out.
func FuzzMetadata(f *testing.F) {
	f.Add("a", "b", "c", "d")
	f.Add("", "", "\xff", strings.Repeat("ü", 2000))
	f.Fuzz(func(t *testing.T, name, value, other, more string) {
		m := Metadata(nil).Append(name, value).Append(other, more)
		n := 0
		for name, value := range m.All() {
			if n++; len(name) == 0 || len(name) > MaxLabelName || len(value) == 0 || len(value) > MaxLabelValue {
				t.Fatalf("%q=%q", name, value)
			}
		}
		if n > 2 {
			t.Fatalf("%d pairs", n)
		}
	})
}
