package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// memoryBesides is what the process may need besides the lines it holds, in
// bytes, before memory is collected more eagerly.
const memoryBesides = 48 << 20

// limitMemory keeps garbage from doubling what the lines take up that are held
// while Loki is away. GOMEMLIMIT has the last word.
func limitMemory(lines int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(lines + lines/4 + memoryBesides)
	}
}

// lull calls calm once after work when there was none for a while. It has no
// goroutine, and no timer while there is nothing to wait for.
type lull struct {
	after time.Duration
	calm  func()

	// mu guards the fields below. timer is nil while it does not run, and last is
	// when there was work last.
	mu    sync.Mutex
	timer *time.Timer
	last  time.Time
}

// work notes that there is some. It may be called from several goroutines.
func (l *lull) work() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
	if l.timer == nil {
		l.timer = time.AfterFunc(l.after, l.look)
	}
}

// look runs when the timer ends. It is not reset for every piece of work, which may
// come thousands of times a second.
func (l *lull) look() {
	l.mu.Lock()
	left := l.after - time.Since(l.last)
	if left > 0 {
		l.timer = time.AfterFunc(left, l.look)
	} else {
		l.timer = nil
	}
	l.mu.Unlock()
	if left <= 0 {
		l.calm()
	}
}

// pause is how long nothing was delivered when what was needed for it is given back.
const pause = 5 * time.Second

// worthReturning is the least memory that is given back, in bytes: finding all
// garbage costs some 10 ms of CPU time with 1,000 containers, which a host that logs
// a line now and then shall not pay for each of them.
const worthReturning = 4 << 20

// returnMemory gives memory back to the system that a start or a backlog has left as
// garbage. By itself the runtime collects it only when it needs memory or after two
// minutes, and then keeps it for the next time: with 1,000 silent containers that
// was a quarter of all that was resident.
func returnMemory() {
	if returnable() >= worthReturning {
		debug.FreeOSMemory()
	}
}

// returnable is about how much of the heap is not in use, in bytes: what is free, and
// what has been allocated since the last collection, little of which lives on.
func returnable() int64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(samples)
	bytes := func(i int) int64 {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			return 0 // a runtime that does not count it
		}
		return int64(samples[i].Value.Uint64()) //nolint:gosec // less than there is memory
	}
	return bytes(0) + max(0, bytes(1)-bytes(2))
}
