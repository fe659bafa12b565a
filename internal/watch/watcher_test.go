package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/test/wait"
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

// writer writes and rotates a file as the engine does.
type writer struct {
	t    *testing.T
	live string
}

func newWriter(t *testing.T) *writer {
	w := &writer{t, filepath.Join(t.TempDir(), "abc-json.log")}
	w.line("")
	return w
}

func (w *writer) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) line(text string) {
	w.t.Helper()
	f, err := os.OpenFile(w.live, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	w.must(err)
	_, err = f.WriteString(text)
	w.must(err)
	w.must(f.Close())
}

func (w *writer) rotate() {
	w.t.Helper()
	w.must(os.Rename(w.live, w.live+".1"))
	w.line("")
}

func runWatcher(t *testing.T) *Watcher {
	t.Helper()
	w, err := New()
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
	docker.line("one\n")
	woken.expect(t, "written")
	docker.line("two\n") // no watch now: nothing is told
	docker.rotate()
	woken.expect(t, "rotated")
	docker.must(watch.Arm(docker.live))
	docker.must(watch.Arm(docker.live))
	docker.line("three\n")
	woken.expect(t, "written")
	if n := w.Stats().Watches; n != 1 {
		t.Errorf("%d watches, want that of the directory", n)
	}
	watch.Close()
	watch.Close()
	if n := w.Stats().Watches; n != 0 {
		t.Errorf("%d watches left", n)
	}
	if len(woken) > 0 {
		t.Errorf("also told: %s", <-woken)
	}
}

// TestWatcherWaitsForDirectory: the local driver makes the directory of its log when
// the container starts.
func TestWatcherWaitsForDirectory(t *testing.T) {
	for _, overflow := range []bool{false, true} {
		w, woken := runWatcher(t), make(wakes, 100)
		dir := filepath.Join(t.TempDir(), "local-logs")
		live := filepath.Join(dir, "container.log")
		must := newWriter(t).must
		watch, err := w.Add(live, woken)
		must(err)
		must(os.WriteFile(filepath.Join(filepath.Dir(dir), "config.v2.json"), nil, 0o600)) // not told
		if overflow {
			w.mu.Lock() // the event waits
			must(os.Mkdir(dir, 0o700))
			w.mu.Unlock()
			w.event(-1, 0x4000, "") // IN_Q_OVERFLOW
		} else {
			must(os.Mkdir(dir, 0o700))
		}
		woken.expect(t, "rotated")
		wait.For(t, 10*time.Second, "the watch to move", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return !watch.waits() && len(w.dirs) == 1
		})
		for len(woken) > 0 {
			<-woken
		}
		must(os.WriteFile(live, nil, 0o600))
		woken.expect(t, "rotated")
		watch.Close()
		if n := w.Stats().Watches; n != 0 {
			t.Errorf("%d watches left", n)
		}
		// What is not the driver's is missing for good.
		if _, err := w.Add(filepath.Join(filepath.Dir(dir), "gone", "x.log"), woken); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
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
	if n := w.Stats().Overflows; n != 1 {
		t.Errorf("%d overflows", n)
	}
}

// TestDirectoryOfTwo: the log in a directory and whoever else wants to hear of it
// share the kernel's watch. Each is told what is its own, and either may leave first.
func TestDirectoryOfTwo(t *testing.T) {
	for _, logLeaves := range []bool{false, true} {
		w, docker := runWatcher(t), newWriter(t)
		woken, told := make(wakes, 100), make(wakes, 100)
		watch, err := w.Add(docker.live, woken)
		docker.must(err)
		end, err := w.WatchDir(filepath.Dir(docker.live), func(name string) { told <- name })
		docker.must(err)
		if n := w.Stats().Watches; n != 1 {
			t.Errorf("%d watches", n)
		}
		w.event(-1, 0x4000, "") // IN_Q_OVERFLOW
		woken.expect(t, "rotated")
		told.expect(t, "")
		if logLeaves {
			watch.Close()
		} else {
			end()
		}
		other := filepath.Join(filepath.Dir(docker.live), "config.v2.json")
		docker.must(os.WriteFile(other, nil, 0o600))
		docker.must(os.Remove(other))
		docker.line("one\n")
		docker.rotate()
		if logLeaves {
			told.expect(t, "config.v2.json")
			told.expect(t, "config.v2.json")
			end()
		} else {
			woken.expect(t, "rotated")
			watch.Close()
			if len(told) > 0 {
				t.Errorf("told of %q", <-told)
			}
		}
		if n := w.Stats().Watches; n != 0 {
			t.Errorf("%d watches left", n)
		}
	}
}

// TestDirectoryGone: everybody is told that the directory has gone.
func TestDirectoryGone(t *testing.T) {
	w, told, dir := runWatcher(t), make(wakes, 100), filepath.Join(t.TempDir(), "c")
	must := newWriter(t).must
	must(os.Mkdir(dir, 0o700))
	end, err := w.WatchDir(dir, func(name string) { told <- name })
	must(err)
	must(os.Remove(dir))
	told.expect(t, "")
	end()
	end()
	if _, err := w.WatchDir(dir, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
