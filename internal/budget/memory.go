package budget

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/docker/go-units"

	"github.com/lighterman/lighterman/internal/config"
)

// memoryBesides is what the process may need besides the lines it holds, in
// bytes, before memory is collected more eagerly.
const memoryBesides = 48 << 20

// What is needed of a control group's limit, in bytes. Measured with 40 logs of 10 MiB, and
// a Loki that answers at once or after a second; the page cache does not count, as it goes
// when memory is wanted.
const (
	// leastGroup is the limit below which lighterman may be killed: docs/configuration.md.
	leastGroup = 64 << 20
	// outsideHeap is at least left for what is not the heap's: the program itself, page
	// tables, sockets.
	outsideHeap = 10 << 20
	// runtimeNeeds is what is in the heap when nothing is held: buffers for reading, what
	// is known of containers.
	runtimeNeeds = 14 << 20
	// leastLines is what may be held at least.
	leastLines = 2 << 20
)

// Memory is how much memory is used for what.
type Memory struct {
	// heap is the size of everything from which on garbage is collected more eagerly.
	heap int64
	// Lines is what may be held of lines, and Batch the size of a push.
	Lines int64
	Batch int
	// Lanes is the number of lanes, and Pushes how many requests they may have under way,
	// 0 for as many as help.
	Lanes, Pushes int
	// Outputs is how many share all that.
	Outputs int
}

// share divides what may be held among outputs.
func (b Memory) share(outputs int) Memory {
	b.Outputs = outputs
	b.Lines /= int64(outputs)
	b = b.Batches(b.Batch)
	if b.Pushes > 0 {
		b.Pushes = max(b.Pushes/outputs, b.Lanes)
	}
	return b
}

// Batches are of a size that was asked for, as far as there is memory for a few of them.
func (b Memory) Batches(size int) Memory {
	b.Batch = min(size, int(max(b.Lines/int64(b.Lanes)/4, 64<<10)))
	return b
}

// plan divides memory. group is the limit of the control group, 0 for none, heap what was
// said of it from outside (GOMEMLIMIT), 0 for nothing; lanes is how many there would be.
func plan(cfg *config.Config, group, heap int64, lanes int) Memory {
	b := Memory{heap: cfg.Limits.Memory + cfg.Limits.Memory/4 + memoryBesides, Lines: cfg.Limits.Memory, Batch: cfg.Batch.Bytes, Lanes: lanes}
	allowed := heap
	if group > 0 {
		most := group - max(group/6, outsideHeap)
		allowed = min(cmp.Or(heap, most), most)
	}
	if allowed == 0 || allowed >= b.heap {
		return b
	}
	b.heap, b.Lanes = allowed, 2
	// A line that is held takes up to twice its size, as what holds lines grows by doubling.
	b.Lines = min(b.Lines, max((allowed-runtimeNeeds)*2/5, leastLines))
	perLane := b.Lines / int64(b.Lanes)
	b.Batch = int(min(int64(b.Batch), max(perLane/4, 64<<10)))
	// Each request has a copy of its batch, encoded.
	b.Pushes = int(min(max(allowed/5/int64(b.Batch), int64(b.Lanes)), 8*int64(b.Lanes)))
	return b
}

// forSink is what a sink can use: a terminal or pipe gets one batch after the other, in
// order.
func (b Memory) forSink(cfg *config.Config) Memory {
	if cfg.Loki.URL == nil {
		b.Lanes, b.Pushes = 1, 1
	}
	return b
}

// Capped says of which outputs the batch-size that somebody has set is more than there is memory
// for. b is what each can use.
func (b Memory) Capped(cfg *config.Config) (out []string) {
	say := func(of string, asked int) {
		if got := b.Batches(asked).Batch; got < asked {
			out = append(out, fmt.Sprintf("batch-size%s is %s, and max-memory has room for %s in each batch, which is used: raise max-memory, or lower batch-size",
				of, units.BytesSize(float64(asked)), units.BytesSize(float64(got))))
		}
	}
	if cfg.Given("batch-size") {
		say("", cfg.Batch.Bytes)
	}
	for i := range cfg.Outputs {
		if own := cfg.WithOutput(&cfg.Outputs[i], 1).Batch.Bytes; own != cfg.Batch.Bytes {
			say(" of output "+cfg.Outputs[i].Name, own)
		}
	}
	return out
}

// Divided is what each output of a configuration can use.
func (b Memory) Divided(cfg *config.Config) Memory {
	b = b.forSink(cfg)
	if outputs := 1 + len(cfg.Outputs); outputs > 1 {
		b = b.share(outputs)
	}
	return b
}

// Limit decides how much memory is used for what, and keeps garbage from doubling what
// the lines take up that are held while Loki is away. GOMEMLIMIT has the last word.
func Limit(cfg *config.Config, log *slog.Logger) Memory {
	group, from := groupMemory("/")
	set := debug.SetMemoryLimit(-1) // from GOMEMLIMIT, or without end
	if set >= unlimited {
		set = 0
	}
	b := plan(cfg, group, set, lanes())
	if set == 0 {
		debug.SetMemoryLimit(b.heap)
	}
	size := func(n int64) string { return units.BytesSize(float64(n)) }
	limits := []any{"limit", size(group), "file", from, "max_memory", size(b.Lines)}
	switch {
	case group > 0 && group < leastGroup:
		log.Warn("the memory limit of the control group is less than lighterman needs, and it may be killed: raise it", append(limits, "needed", size(leastGroup))...)
	case b.Lines < cfg.Limits.Memory && group > 0 && cfg.Given("max-memory"):
		log.Warn("max-memory is more than the memory limit of the control group allows, using less: lower max-memory, or raise the limit", limits...)
	case b.Lines < cfg.Limits.Memory && group > 0:
		log.Info("the memory limit of the control group is kept", limits...)
	case b.Lines < cfg.Limits.Memory:
		log.Info("GOMEMLIMIT is kept", "limit", size(set), "max_memory", size(b.Lines))
	}
	return b
}

// IdleTimer calls Idle once after work when there was none for a while. It has no
// goroutine, and no timer while there is nothing to wait for.
type IdleTimer struct {
	After time.Duration
	Idle  func()

	// mu guards the fields below. timer is nil while it does not run, and last is
	// when there was work last.
	mu    sync.Mutex
	timer *time.Timer
	last  time.Time
}

// Touch notes that there is work. It may be called from several goroutines.
func (t *IdleTimer) Touch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Now()
	if t.timer == nil {
		t.timer = time.AfterFunc(t.After, t.expire)
	}
}

// expire runs when the timer ends. It is not reset for every piece of work, which may
// come thousands of times a second.
func (t *IdleTimer) expire() {
	t.mu.Lock()
	left := t.After - time.Since(t.last)
	if left > 0 {
		t.timer = time.AfterFunc(left, t.expire)
	} else {
		t.timer = nil
	}
	t.mu.Unlock()
	if left <= 0 {
		t.Idle()
	}
}

// IdleAfter is how long nothing was delivered when what was needed for it is given back.
const IdleAfter = 5 * time.Second

// worthReturning is the least memory that is given back, in bytes: finding all
// garbage costs some 10 ms of CPU time with 1,000 containers, which a host that logs
// a line now and then shall not pay for each of them.
const worthReturning = 4 << 20

// ReturnMemory gives memory back to the system that a start or a backlog has left as
// garbage. By itself the runtime collects it only when it needs memory or after two
// minutes, and then keeps it for the next time: with 1,000 silent containers that
// was a quarter of all that was resident.
func ReturnMemory() {
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

// lanes is the number of readers of files and of pushes at a time: one per processor,
// as they decode, but no more than a Loki likes connections; and two at least, so that
// one works while the other waits for an answer. With a single lane on one processor a
// backlog took 16 % more CPU time and a quarter longer: each wait puts the process to
// sleep, after which the runtime's monitor wakes up every 20 µs for a while.
func lanes() int { return min(max(runtime.GOMAXPROCS(0), 2), 4) }

// SmallerBatches says what Capped would say of a configuration in this control group.
func SmallerBatches(cfg *config.Config) []string {
	group, _ := groupMemory("/")
	return plan(cfg, group, 0, lanes()).Divided(cfg).Capped(cfg)
}
