package budget

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/test/settings"
)

// TestIdleTimer: Idle comes once after work has ended, and not while there is some.
func TestIdleTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calm atomic.Int32
		l := &IdleTimer{After: 5 * time.Second, Idle: func() { calm.Add(1) }}
		expect := func(want int32) {
			t.Helper()
			if synctest.Wait(); calm.Load() != want {
				t.Fatalf("calm was called %d times, want %d", calm.Load(), want)
			}
		}
		time.Sleep(time.Minute)
		expect(0) // nothing has been done
		for range 20 {
			l.Touch()
			time.Sleep(3 * time.Second)
			expect(0)
		}
		time.Sleep(2 * time.Second)
		expect(1)
		time.Sleep(time.Hour)
		expect(1)
		l.Touch()
		time.Sleep(5 * time.Second)
		expect(2)
	})
}

// garbage keeps the compiler from leaving out an allocation.
var garbage []byte

// TestReturnMemory: what was allocated and is not needed any more is given back.
func TestReturnMemory(t *testing.T) {
	ReturnMemory()
	done := make(chan struct{})
	go func() { // whose stack is gone with it, and keeps nothing alive
		defer close(done)
		for range 4 {
			garbage = make([]byte, worthReturning)
		}
		garbage = nil
	}()
	<-done
	if got := returnable(); got < worthReturning {
		t.Fatalf("returnable is %d bytes with %d of garbage", got, 4*worthReturning)
	}
	ReturnMemory()
	if got := returnable(); got >= worthReturning {
		t.Errorf("%d bytes were kept", got)
	}
}

// TestCapped: a batch-size that there is no memory for is named with its output, and one that nobody
// has set is not.
func TestCapped(t *testing.T) {
	const outputs = "outputs: [{name: a, loki-url: 'http://b:1/x', batch-size: 8MiB}, {name: b, loki-url: 'http://c:1/x'}, {name: c, loki-url: 'http://d:1/x', batch-size: 64KiB}]\n"
	for text, want := range map[string][]string{
		"max-memory: 16MiB\n":                                          nil,
		"max-memory: 16MiB\n" + outputs:                                {"batch-size of output a is 8MiB, and max-memory has room for"},
		"max-memory: 16MiB\nbatch-size: 9MiB\n":                        {"batch-size is 9MiB"},
		"max-memory: 2GiB\nbatch-size: 2MiB\n" + outputs:               nil,
		"max-memory: 16MiB\nbatch-size: 9MiB\n" + outputs[:63] + "]\n": {"batch-size is 9MiB", "batch-size of output a"},
	} {
		cfg := settings.Of(t, text)
		got := plan(cfg, 0, 0, 2).Divided(cfg).Capped(cfg)
		if len(got) != len(want) {
			t.Errorf("%s: %q", text, got)
			continue
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s: %q", text, got)
			}
		}
	}
}
