package agent

import (
	"cmp"
	"log/slog"
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

// budgets is how much memory is used for what.
type budgets struct {
	// heap is the size of everything from which on garbage is collected more eagerly.
	heap int64
	// lines is what may be held of lines, and batch the size of a push.
	lines int64
	batch int
	// lanes is the number of lanes, and pushes how many requests they may have under way,
	// 0 for as many as help.
	lanes, pushes int
	// outputs is how many share all that.
	outputs int
}

// share divides what may be held among outputs.
func (b budgets) share(outputs int) budgets {
	b.outputs = outputs
	b.lines /= int64(outputs)
	b.batch = min(b.batch, int(max(b.lines/int64(b.lanes)/4, 64<<10)))
	if b.pushes > 0 {
		b.pushes = max(b.pushes/outputs, b.lanes)
	}
	return b
}

// plan divides memory. group is the limit of the control group, 0 for none, heap what was
// said of it from outside (GOMEMLIMIT), 0 for nothing; lanes is how many there would be.
func plan(cfg *config.Config, group, heap int64, lanes int) budgets {
	b := budgets{heap: cfg.Limits.Memory + cfg.Limits.Memory/4 + memoryBesides, lines: cfg.Limits.Memory, batch: cfg.Batch.Bytes, lanes: lanes}
	allowed := heap
	if group > 0 {
		most := group - max(group/6, outsideHeap)
		allowed = min(cmp.Or(heap, most), most)
	}
	if allowed == 0 || allowed >= b.heap {
		return b
	}
	b.heap, b.lanes = allowed, 2
	// A line that is held takes up to twice its size, as what holds lines grows by doubling.
	b.lines = min(b.lines, max((allowed-runtimeNeeds)*2/5, leastLines))
	perLane := b.lines / int64(b.lanes)
	b.batch = int(min(int64(b.batch), max(perLane/4, 64<<10)))
	// Each request has a copy of its batch, encoded.
	b.pushes = int(min(max(allowed/5/int64(b.batch), int64(b.lanes)), 8*int64(b.lanes)))
	return b
}

// forSink is what a sink can use: a terminal or pipe gets one batch after the other, in
// order.
func (b budgets) forSink(cfg *config.Config) budgets {
	if cfg.Loki.URL == nil {
		b.lanes, b.pushes = 1, 1
	}
	return b
}

// limitMemory decides how much memory is used for what, and keeps garbage from doubling what
// the lines take up that are held while Loki is away. GOMEMLIMIT has the last word.
func limitMemory(cfg *config.Config, log *slog.Logger) budgets {
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
	limits := []any{"limit", size(group), "file", from, "max_memory", size(b.lines)}
	switch {
	case group > 0 && group < leastGroup:
		log.Warn("the memory limit of the control group is less than lighterman needs, and it may be killed: raise it", append(limits, "needed", size(leastGroup))...)
	case b.lines < cfg.Limits.Memory && group > 0 && cfg.Given("max-memory"):
		log.Warn("max-memory is more than the memory limit of the control group allows, using less: lower max-memory, or raise the limit", limits...)
	case b.lines < cfg.Limits.Memory && group > 0:
		log.Info("the memory limit of the control group is kept", limits...)
	case b.lines < cfg.Limits.Memory:
		log.Info("GOMEMLIMIT is kept", "limit", size(set), "max_memory", size(b.lines))
	}
	return b
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
