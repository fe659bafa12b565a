package agent

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLull: calm comes once after work has ended, and not while there is some.
func TestLull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calm atomic.Int32
		l := &lull{after: 5 * time.Second, calm: func() { calm.Add(1) }}
		expect := func(want int32) {
			t.Helper()
			if synctest.Wait(); calm.Load() != want {
				t.Fatalf("calm was called %d times, want %d", calm.Load(), want)
			}
		}
		time.Sleep(time.Minute)
		expect(0) // nothing has been done
		for range 20 {
			l.work()
			time.Sleep(3 * time.Second)
			expect(0)
		}
		time.Sleep(2 * time.Second)
		expect(1)
		time.Sleep(time.Hour)
		expect(1)
		l.work()
		time.Sleep(5 * time.Second)
		expect(2)
	})
}

// garbage keeps the compiler from leaving out an allocation.
var garbage []byte

// TestReturnMemory: what was allocated and is not needed any more is given back.
func TestReturnMemory(t *testing.T) {
	returnMemory()
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
	returnMemory()
	if got := returnable(); got >= worthReturning {
		t.Errorf("%d bytes were kept", got)
	}
}
