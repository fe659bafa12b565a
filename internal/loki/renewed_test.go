package loki

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestD9HangingFile: a file system that does not answer holds up one use for a second, and
// no other: what the file held before serves, and what it holds then when it answers.
func TestD9HangingFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer, looks := make(chan string), atomic.Int32{}
		r := &renewed[string]{log: slog.New(slog.DiscardHandler), load: func(*string) (*string, error) {
			looks.Add(1)
			text := <-answer
			return &text, nil
		}}
		got := func(want string, after time.Duration) {
			t.Helper()
			began := time.Now()
			text, err := r.get()
			if err != nil || *text != want || time.Since(began) != after {
				t.Errorf("got %v, %v after %v, want %q after %v", text, err, time.Since(began), want, after)
			}
		}
		if _, err := r.get(); !errors.Is(err, errLate) {
			t.Errorf("nothing was read: %v", err)
		}
		go func() { answer <- "one" }()
		synctest.Wait()
		done := make(chan struct{})
		go func() { answer <- "one"; close(done) }()
		got("one", 0)
		<-done
		got("one", patience)
		for range 3 {
			got("one", 0)
		}
		if looks.Load() != 3 {
			t.Errorf("%d looks, want one at a time", looks.Load())
		}
		answer <- "two"
		synctest.Wait()
		go func() { answer <- "three" }()
		got("three", 0)
	})
}
