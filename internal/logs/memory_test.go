package logs

import (
	"bytes"
	"testing"
)

func TestClassesHoldWhatTheySay(t *testing.T) {
	for n := 1; n < smallest<<15; n = n*9/8 + 1 {
		if size := smallest << class(n); size < n || size > smallest && size >= 2*n {
			t.Fatalf("%d elements get room for %d", n, size)
		}
	}
}

func TestGrowKeepsContent(t *testing.T) {
	var s shelf[byte]
	var got, want []byte
	for i := range 3000 {
		piece := bytes.Repeat([]byte{byte(i)}, i)
		got = append(s.grow(got, len(piece)), piece...)
		want = append(want, piece...)
		s.give(bytes.Repeat([]byte{'x'}, smallest)) // somebody else's, to be overwritten
	}
	if !bytes.Equal(got, want) {
		t.Error("content is changed")
	}
	if huge := s.grow(nil, smallest<<17); cap(huge) < smallest<<17 {
		t.Errorf("room for %d", cap(huge))
	}
}

// TestRecycledBatchIsEmpty fills batches from used memory.
func TestRecycledBatchIsEmpty(t *testing.T) {
	one, two := &Labels{}, &Labels{}
	for round := range 20 {
		var b Batch
		var want [2][]byte
		for i := range 500 * round {
			line := bytes.Repeat([]byte{byte('a' + round), byte(i)}, i%40)
			b.Add([]*Labels{one, two}[i%2], Entry{Time: int64(i), Line: line})
			want[i%2] = append(want[i%2], line...)
		}
		if b.Entries != 500*round {
			t.Fatalf("%d entries", b.Entries)
		}
		for i, g := range b.Groups {
			if !bytes.Equal(g.Text, want[i]) || g.Len() != 250*round {
				t.Fatalf("round %d: group %d has %d entries and another text", round, i, g.Len())
			}
		}
		b.Recycle()
		if b.Entries != 0 || b.Bytes != 0 || len(b.Groups) != 0 {
			t.Fatalf("left over: %+v", b)
		}
	}
}

// TestAddDoesNotAllocate fills a batch again and again: what is allocated is per
// batch, not per line.
func TestAddDoesNotAllocate(t *testing.T) {
	labels, line := &Labels{}, bytes.Repeat([]byte{'x'}, 160)
	fill := func() {
		var b Batch
		for i := range 4000 {
			b.Add(labels, Entry{Time: int64(i), Line: line})
		}
		b.Recycle()
	}
	fill()
	// The group and its place in a list, and a wrapper for each slice given back.
	if n := testing.AllocsPerRun(20, fill); n > 64 {
		t.Errorf("%v allocations for 4,000 lines", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	labels, line := &Labels{}, bytes.Repeat([]byte{'x'}, 160)
	var batch Batch
	b.SetBytes(160)
	b.ReportAllocs()
	for b.Loop() {
		if batch.Add(labels, Entry{Line: line}); batch.Bytes > 900<<10 {
			batch.Recycle()
		}
	}
}
