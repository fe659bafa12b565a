package stage

import (
	"math"
	"testing"
)

func TestTimeline(t *testing.T) {
	first, second := new(Pipeline), new(Pipeline)
	line := NewTimeline(Since{math.MinInt64, first}, Since{10, nil}, Since{20, second})
	for _, tt := range []struct {
		at, from, until int64
		pipeline        *Pipeline
	}{
		{math.MinInt64, math.MinInt64, 10, first}, {9, math.MinInt64, 10, first}, {10, 10, 20, nil}, {19, 10, 20, nil},
		{20, 20, math.MaxInt64, second}, {math.MaxInt64, 20, math.MaxInt64, second},
	} {
		in, until := line.At(tt.at)
		if in.From != tt.from || until != tt.until || in.Pipeline != tt.pipeline {
			t.Errorf("at %d: from %d until %d, want %d and %d", tt.at, in.From, until, tt.from, tt.until)
		}
		if _, _, ok := line.Of(tt.at); ok != (tt.at == tt.from) {
			t.Errorf("of %d: %t", tt.at, ok)
		}
	}
	// The oldest is in force before its time, too.
	if in, until := NewTimeline(Since{5, first}, Since{10, second}).At(1); in.Pipeline != first || until != 10 {
		t.Errorf("before all: %+v until %d", in, until)
	}
	var none *Timeline
	if in, until := none.At(3); in.Pipeline != nil || until != math.MaxInt64 || none.Any() || none.Newest() != math.MinInt64 {
		t.Error("no timeline has something")
	}
	if !line.Any() || NewTimeline(Since{0, nil}).Any() || line.Newest() != 20 {
		t.Error("it does not know whether there are stages")
	}
}
