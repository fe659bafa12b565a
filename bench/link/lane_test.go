package link

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// narrow sends 100 bytes in a millisecond.
var narrow = Shape{RTT: 2 * time.Second, Rate: 100_000}

func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := newLane(narrow), time.Now()
		enter := func(n int, want time.Duration) {
			t.Helper()
			due, err := l.enter(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			if got := due.Sub(began); got != want {
				t.Errorf("%d bytes arrive after %v, want %v", n, got, want)
			}
		}
		enter(10_000, 1100*time.Millisecond)
		enter(10_000, 1200*time.Millisecond) // behind the others
		enter(0, 1200*time.Millisecond)
		time.Sleep(10 * time.Second)
		enter(10_000, 11_100*time.Millisecond) // silence has saved nothing up
		enter(10_000, 11_200*time.Millisecond)
	})
}

func TestLaneIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(narrow)
		const most = 400_000 // in two round trips
		for range most / 10_000 {
			if _, err := l.enter(t.Context(), 10_000); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := l.enter(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("more than the bound: error %v", err)
		}
		l.leave(10_000)
		if _, err := l.enter(t.Context(), 10_000); err != nil {
			t.Errorf("where others have left: %v", err)
		}
	})
}
