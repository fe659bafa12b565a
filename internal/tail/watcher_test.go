package tail

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wakes is a Waker that passes on what it is told.
type wakes chan string

func (w wakes) Rotated() { w <- "rotated" }
func (w wakes) Written() { w <- "written" }

func (w wakes) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-w:
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("no wake-up, want %q", want)
	}
}

func runWatcher(t *testing.T) *Watcher {
	t.Helper()
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestWatcher(t *testing.T) {
	w, docker := runWatcher(t), newWriter(t)
	woken := make(wakes, 100)
	watch, err := w.Add(docker.live, woken)
	if err != nil {
		t.Fatal(err)
	}
	docker.must(watch.Arm(docker.live))
	docker.line(logs.Stdout, "one\n")
	woken.expect(t, "written")
	docker.line(logs.Stdout, "two\n") // no watch now: nothing is told
	docker.rotate()
	woken.expect(t, "rotated")
	docker.must(watch.Arm(docker.live))
	docker.must(watch.Arm(docker.live))
	docker.line(logs.Stdout, "three\n")
	woken.expect(t, "written")
	if n, _ := w.Stats(); n != 1 {
		t.Errorf("%d watches, want that of the directory", n)
	}
	watch.Close()
	watch.Close()
	if n, _ := w.Stats(); n != 0 {
		t.Errorf("%d watches left", n)
	}
	if len(woken) > 0 {
		t.Errorf("also told: %s", <-woken)
	}
}

func TestOverflowWakesEverybody(t *testing.T) {
	w, docker := runWatcher(t), newWriter(t)
	woken := make(wakes, 1)
	if _, err := w.Add(docker.live, woken); err != nil {
		t.Fatal(err)
	}
	w.event(-1, 0x4000, "") // IN_Q_OVERFLOW
	woken.expect(t, "rotated")
	if _, n := w.Stats(); n != 1 {
		t.Errorf("%d overflows", n)
	}
}
