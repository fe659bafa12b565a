package wait

import (
	"testing"
	"time"
)

// Until polls cond until it holds and tells whether it did within timeout. The
// pauses grow from 1 ms to 100 ms, and are as long as the look before them up to
// a second: what is waited for needs the machine, too.
func Until(timeout time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(timeout)
	for pause := time.Millisecond; ; pause = min(pause*2, 100*time.Millisecond) {
		began := time.Now()
		if cond() {
			return true
		}
		took := time.Since(began)
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(max(pause, min(took, time.Second)))
	}
}

// Closed waits until a channel is closed, or has something; after timeout the test has
// failed, goes on, and says what was waited for.
func Closed[T any](t testing.TB, timeout time.Duration, what string, c <-chan T) {
	t.Helper()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
		t.Errorf("waited %v in vain for %s", timeout, what)
	}
}

// For polls cond until it holds; after timeout the test fails and says what was
// waited for.
func For(t testing.TB, timeout time.Duration, what string, cond func() bool) {
	t.Helper()
	if !Until(timeout, cond) {
		t.Fatalf("waited %v in vain for %s", timeout, what)
	}
}
