package outside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// T is what the harness of the tests asks for. As with testing.T, FailNow must be
// called by the goroutine that Run has started.
type T struct {
	testing.TB // nil: its unexported method makes T one; what else is missing panics

	ctx context.Context
	log io.Writer

	mu       sync.Mutex // guards the fields below
	cleanups []func()
	problems []string
}

// Run calls f in a goroutine of its own, then its cleanups, the last one first. It
// returns what failed. Log messages go to log. The context of f's T is ctx.
func Run(ctx context.Context, log io.Writer, f func(t *T)) error {
	ctx, cancel := context.WithCancel(ctx)
	t := &T{ctx: ctx, log: log}
	t.apart(func() { f(t) })
	cancel()
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			break
		}
		next := t.cleanups[n-1]
		t.cleanups = t.cleanups[:n-1]
		t.mu.Unlock()
		t.apart(next) // it may fail, too
	}
	if !t.Failed() {
		return nil
	}
	return errors.New(strings.Join(t.problems, "\n"))
}

// apart calls f where FailNow can end it.
func (t *T) apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// Helper implements testing.TB.
func (t *T) Helper() {}

// Name implements testing.TB.
func (t *T) Name() string { return "program" }

// Context implements testing.TB: it ends before the cleanups.
func (t *T) Context() context.Context { return t.ctx }

// Cleanup implements testing.TB.
func (t *T) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// TempDir implements testing.TB.
func (t *T) TempDir() string {
	dir, err := os.MkdirTemp("", "lighterman-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Log implements testing.TB.
func (t *T) Log(args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintln(t.log, args...)
}

// Logf implements testing.TB.
func (t *T) Logf(format string, args ...any) { t.Log(fmt.Sprintf(format, args...)) }

// Failed implements testing.TB.
func (t *T) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.problems) > 0
}

// Error implements testing.TB.
func (t *T) Error(args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems = append(t.problems, strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
}

// Errorf implements testing.TB.
func (t *T) Errorf(format string, args ...any) { t.Error(fmt.Sprintf(format, args...)) }

// FailNow implements testing.TB.
func (t *T) FailNow() {
	if !t.Failed() {
		t.Error("it failed")
	}
	runtime.Goexit()
}

// Fatal implements testing.TB.
func (t *T) Fatal(args ...any) { t.Error(args...); t.FailNow() }

// Fatalf implements testing.TB.
func (t *T) Fatalf(format string, args ...any) { t.Fatal(fmt.Sprintf(format, args...)) }

// Skipf implements testing.TB. A program needs what a test can do without.
func (t *T) Skipf(format string, args ...any) { t.Fatalf(format, args...) }

var _ testing.TB = (*T)(nil)
