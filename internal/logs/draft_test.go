package logs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDraft: whatever is added comes out in order, in parts of the size that was asked for,
// none of which is partly behind.
func TestDraft(t *testing.T) {
	one, two := &Labels{}, &Labels{}
	var d Draft
	for round := range 100 {
		rng := rand.New(rand.NewPCG(1, uint64(round)))
		first, most := rng.IntN(3000), 1000+rng.IntN(5000)
		d.Open(first, most)
		var queue Batch // what the parts are added to in turn
		var want, got []string
		var behind []bool
		for i := range rng.IntN(200) {
			d.Behind = rng.IntN(20) == 0
			line := fmt.Sprint(i, " ", string(bytes.Repeat([]byte{'x'}, rng.IntN(1+rng.IntN(2000)))))
			d.Add([]*Labels{one, two}[rng.IntN(2)], Entry{Time: int64(i), Line: []byte(line), Stream: Stream(rng.IntN(2))})
			want, behind = append(want, line), append(behind, d.Behind)
		}
		seen := 0
		for i := range d.parts {
			b, limit := &d.parts[i].Batch, most
			if i == 0 && b.Bytes <= first {
				limit = first
			}
			if b.Bytes > limit && b.Entries > 1 {
				t.Fatalf("round %d: part %d of %d has %d bytes, want %d", round, i, len(d.parts), b.Bytes, limit)
			}
			for _, is := range behind[seen : seen+b.Entries] {
				if is != d.parts[i].Behind {
					t.Fatalf("round %d: part %d mixes what is behind with what is not", round, i)
				}
			}
			seen += b.Entries
			queue.Take(b)
			if b.Entries+b.Bytes+len(b.Groups) != 0 {
				t.Fatalf("round %d: %+v is left", round, b)
			}
		}
		d.Reset()
		got = make([]string, queue.Entries)
		for _, g := range queue.Groups {
			if !slices.IsSorted(g.Times) {
				t.Fatalf("round %d: another order", round)
			}
			for i, at := range g.Times {
				got[at] = string(g.Line(i))
			}
		}
		if !slices.Equal(got, want) || queue.Bytes != Join(queue.Groups...).Bytes || len(queue.Groups) > 4 {
			t.Fatalf("round %d: got %d lines in %d groups and %d bytes, want %d", round, len(got), len(queue.Groups), queue.Bytes, len(want))
		}
		queue.Recycle()
	}
}

// TestDraftGoesOnWithABatch that it has to itself then.
func TestDraftGoesOnWithABatch(t *testing.T) {
	labels := &Labels{}
	var b Batch
	b.Add(labels, Entry{Line: []byte("one")})
	var d Draft
	d.Continue(&b, true, 1000)
	if b.Entries != 0 || d.parts[0].Batch.Entries != 1 || !d.parts[0].Behind {
		t.Fatalf("got %+v, left %+v", d, b)
	}
	d.Behind = true
	d.Add(labels, Entry{Line: []byte("two")})
	d.Behind = false
	d.Add(labels, Entry{Line: []byte("three")})
	if len(d.parts) != 2 || string(d.parts[0].Batch.Groups[0].Text) != "onetwo" || d.parts[1].Behind {
		t.Errorf("got %+v", d)
	}
}

// TestDraftDoesNotAllocate: neither for lines, nor for handing over one at a time to a batch
// that is there.
func TestDraftDoesNotAllocate(t *testing.T) {
	labels, line := &Labels{}, bytes.Repeat([]byte{'x'}, 160)
	var d Draft
	var b Batch
	b.Add(labels, Entry{Line: line})
	b.Groups[0].Text = make([]byte, 0, 1<<20)
	b.Groups[0].Times, b.Groups[0].Ends = make([]int64, 0, 1<<12), make([]int, 0, 1<<12)
	if n := testing.AllocsPerRun(1000, func() {
		d.Open(1<<20, 1<<20)
		d.Add(labels, Entry{Line: line})
		b.Take(&d.parts[0].Batch)
		d.Reset()
	}); n > 2 { // none, but that the race detector makes pools forget
		t.Errorf("%v allocations to hand over a line", n)
	}
	fill := func() {
		d.Open(1<<20, 1<<20)
		for range 4000 {
			d.Add(labels, Entry{Line: line})
		}
		d.Reset()
	}
	fill()
	if n := testing.AllocsPerRun(20, fill); n > 64 {
		t.Errorf("%v allocations for 4,000 lines", n)
	}
}

// TestDraftKeepsNoMemoryBusy: a draft that had much makes room for as much, and what is handed
// over of little has no more memory than it would have had without.
func TestDraftKeepsNoMemoryBusy(t *testing.T) {
	labels, line := &Labels{}, bytes.Repeat([]byte{'x'}, 1000)
	var d Draft
	handOver := func(lines int) *Group {
		d.Open(1<<20, 1<<20)
		for range lines {
			d.Add(labels, Entry{Line: line})
		}
		var b Batch
		d.HandOver(func(part *Part) { b.Take(&part.Batch) })
		if b.Entries != lines || len(b.Groups[0].Text) != lines*len(line) {
			t.Fatalf("%d of %d lines", b.Entries, lines)
		}
		return b.Groups[0]
	}
	for _, lines := range []int{1, 200, 1, 1, 200, 200, 3, 50, 1} {
		if g := handOver(lines); cap(g.Text) > 4*len(g.Text) || cap(g.Times) > max(4*g.Len(), smallest) || cap(g.Ends) > max(4*g.Len(), smallest) {
			t.Errorf("%d lines of 1000 bytes have memory for %d bytes, %d times", lines, cap(g.Text), cap(g.Times))
		}
	}
}
