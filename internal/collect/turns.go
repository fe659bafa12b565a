package collect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/stream"
	"github.com/lighterman/lighterman/internal/tail"
)

// A log that is followed has a descriptor open, or a connection to the engine. Where there
// are more logs than descriptors they take turns: a file that is silent and delivered gives
// its own back, and has it again when it has changed, which a look at the path shows that
// needs none. Where none is silent, the one that had its turn for longest gives it back. Of
// what the engine has nobody knows whether it has changed, so streams have turns of one
// length.

const (
	// turnLength is how long a log that is not silent may be read while others wait.
	turnLength = 5 * time.Second
	// catchUp is how long a stream may be that has not come to where the log ended when
	// it was opened: to open it again may make the engine look through the log.
	catchUp = time.Minute
)

// takeTurns looks which logs that are not open have changed, opens those there is room for,
// and makes room for the others.
func (c *Collector) takeTurns(ctx context.Context, now time.Time) {
	c.descriptors.turnAt = now.Add(turnEvery)
	c.warnParked()
	if c.descriptors.parked == 0 {
		return
	}
	c.countFree()
	var changed, others []*unit
	for _, u := range c.units {
		if u.phase != parked {
			continue
		}
		wants := u.situation().wants()
		if wants != logs.File && wants != logs.API {
			c.descriptors.unpark(u)
			c.reconcile(ctx, u)
			continue
		}
		t := u.lookAt(*u.turn.Load(), wants, now)
		if u.turn.Store(&t); t.changed {
			changed = append(changed, u)
		} else {
			others = append(others, u)
		}
	}
	slices.SortFunc(changed, func(a, b *unit) int { return a.turn.Load().compare(b.turn.Load()) })
	for _, u := range slices.Concat(changed, others) {
		if c.descriptors.free <= 0 {
			break
		}
		c.start(ctx, u)
	}
	want := 0 // also those that could not be opened after all
	for _, u := range c.units {
		if t := u.turn.Load(); t != nil && t.changed {
			want++
		}
	}
	c.makeRoom(want, now)
}

// lookAt looks what has become of a log that is not open.
func (u *unit) lookAt(t turn, wants logs.RouteKind, now time.Time) turn {
	if wants == logs.API {
		t.bytes, t.changed, t.urgent = 0, true, false
	} else {
		bytes, changed, urgent := tail.Unread(u.route().Path, u.position.File)
		if changed && !t.changed {
			t.since = now
		}
		t.bytes, t.changed, t.urgent = bytes, t.changed || changed, urgent
	}
	t.urgent = t.urgent || !u.container().Running
	return t
}

// startWaiting opens the log that has waited longest for a descriptor that is free now.
func (c *Collector) startWaiting(ctx context.Context) {
	if c.descriptors.free <= 0 {
		return
	}
	var next *unit
	for _, u := range c.units {
		if t := u.turn.Load(); t != nil && t.changed && (next == nil || t.compare(next.turn.Load()) < 0) {
			next = u
		}
	}
	if next != nil {
		c.start(ctx, next)
	}
}

// countFree counts the descriptors that are free for logs. A log has several while what
// rotation has made of it is read.
func (c *Collector) countFree() {
	if c.config.MaxLogs <= 0 {
		c.descriptors.free = 1 << 30 // the system itself says when there is none
		return
	}
	c.descriptors.free = c.config.MaxLogs
	for _, u := range c.units {
		if s := u.source(); s != nil {
			c.descriptors.free -= s.Descriptors()
		}
	}
}

// makeRoom asks as many logs as are wanted to give their descriptors back: those that are
// silent first, then those that had their turn, for longest.
func (c *Collector) makeRoom(want int, now time.Time) {
	if want == 0 {
		return
	}
	var silent, others []*unit
	since := make(map[*unit]int64)
	for _, u := range c.units {
		if u.phase == yielding {
			want-- // is about to
		}
		if u.phase != reading || u.fate.gone() {
			continue
		}
		switch s := u.source().(type) {
		case *stream.Source:
			turn := turnLength
			if !s.CaughtUp() {
				turn = catchUp + s.Patience()
			}
			if now.Sub(u.startedAt) > turn {
				others = append(others, u)
			}
		case *reader.Source:
			if !s.MayPause(u.container().StartedAt) {
				continue
			}
			if nano, is := s.SilentSince(); is {
				silent = append(silent, u)
				since[u] = nano
			} else if now.Sub(u.startedAt) > turnLength {
				others = append(others, u)
			}
		}
	}
	slices.SortFunc(silent, func(a, b *unit) int { return cmp.Compare(since[a], since[b]) })
	slices.SortFunc(others, func(a, b *unit) int { return a.startedAt.Compare(b.startedAt) })
	for _, u := range append(silent, others...) {
		if want <= 0 {
			return
		}
		u.stop(yielding)
		want--
	}
}

// Waiting returns the number of logs that are not open, or not with all of their files, for
// want of descriptors.
func (c *Collector) Waiting() (n int) {
	c.mu.Lock()
	units := slices.Collect(maps.Values(c.units)) // whose logs have locks of their own
	c.mu.Unlock()
	for _, u := range units {
		if file := u.file(); u.turn.Load() != nil || file != nil && file.Short() {
			n++
		}
	}
	return n
}

// warnParked says, once, that there are more logs than descriptors, and when there are not.
func (c *Collector) warnParked() {
	switch n := c.Waiting(); {
	case n > 0 && !c.descriptors.warned:
		c.descriptors.warned = true
		c.config.Log.Warn("too few open files for all logs, reading them in turns: raise the limit of open files (LimitNOFILE=, ulimit -n)", "logs_not_open", n, "logs_open_at_most", c.config.MaxLogs)
	case n == 0 && c.descriptors.warned:
		c.descriptors.warned = false
		c.config.Log.Info("all logs are open")
	}
}

// OpenFiles returns nil while all logs that should be are open.
func (c *Collector) OpenFiles() error {
	if n := c.Waiting(); n > 0 {
		return fmt.Errorf("%d logs cannot be opened: raise the limit of open files (LimitNOFILE=, ulimit -n); they are read in turns meanwhile", n)
	}
	return nil
}
