package collect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// A log that is followed has a descriptor open, or a connection to the engine. Where there
// are more logs than descriptors they take turns: a file that is silent and delivered gives
// its own back, and has it again when it has changed, which a look at the path tells that
// needs none. Where none is silent, the one that had its turn for longest gives it back. Of
// what the engine has nobody can tell whether it has changed, so streams have turns of one
// length.

const (
	// turnEvery is how often turns change while logs wait.
	turnEvery = 500 * time.Millisecond
	// turnLength is how long a log that is not silent may be read while others wait.
	turnLength = 5 * time.Second
	// catchUp is how long a stream may be that has not come to where the log ended when
	// it was opened: to open it again may make the engine look through the log.
	catchUp = time.Minute
	// streamFiles is how many descriptors a stream counts for: it asks for the end of the
	// log on another connection.
	streamFiles = 2
)

// parked is a log that is not open.
type parked struct {
	// since is when it was put aside, and changed that there is something to read, as far
	// as is known.
	since   time.Time
	changed bool
	// urgent tells that what is unread may soon be gone: with the next rotation, or with the
	// container, which has stopped.
	urgent bool
	// bytes is about how much that is.
	bytes int64
}

// Waiting returns the number of logs that are not open, or not with all of their files, for
// want of descriptors.
func (c *Collector) Waiting() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range c.units {
		s := u.tailing.Load()
		if u.parked.Load() != nil || s != nil && s.file != nil && s.file.Short() {
			n++
		}
	}
	return n
}

// mayOpen tells whether there is a descriptor for one more log.
func (c *Collector) mayOpen(u *unit) bool {
	return c.config.MaxLogs <= 0 || u.wants() == logs.Journal || c.room > 0
}

// park puts a log aside until there is a descriptor for it.
func (c *Collector) park(u *unit, changed bool) {
	if c.parked[u] == nil {
		if len(c.parked) == 0 {
			c.turnAt = time.Now().Add(turnEvery)
		}
		c.parked[u] = &parked{since: time.Now()}
	}
	p := *c.parked[u]
	p.changed = p.changed || changed
	c.parked[u] = &p
	u.parked.Store(&p)
}

// unpark notes that a log does not wait any more.
func (c *Collector) unpark(u *unit) {
	delete(c.parked, u)
	u.parked.Store(nil)
}

// takeTurns looks which logs that are not open have changed, opens those there is room for,
// and makes room for the others.
func (c *Collector) takeTurns(ctx context.Context, now time.Time) {
	c.turnAt = now.Add(turnEvery)
	c.tellParked()
	if len(c.parked) == 0 {
		return
	}
	c.countRoom()
	var wanting, others []*unit
	for u, p := range c.parked {
		wants := u.wants()
		if wants != logs.File && wants != logs.API {
			c.unpark(u)
			c.reconcile(ctx, u)
			continue
		}
		if p = u.lookAt(p, wants, now); p != c.parked[u] {
			c.parked[u] = p
			u.parked.Store(p)
		}
		if p.changed {
			wanting = append(wanting, u)
		} else {
			others = append(others, u)
		}
	}
	slices.SortFunc(wanting, func(a, b *unit) int { return c.parked[a].compare(c.parked[b]) })
	for len(wanting) > 0 && c.room > 0 {
		c.start(ctx, wanting[0])
		wanting = wanting[1:]
	}
	for len(others) > 0 && c.room > 0 {
		c.start(ctx, others[0])
		others = others[1:]
	}
	wanted := 0 // also those that could not be opened after all
	for _, p := range c.parked {
		if p.changed {
			wanted++
		}
	}
	c.makeRoom(wanted, now)
}

// compare orders those that have changed: what may soon be lost goes first, then what has
// waited for longest.
func (p *parked) compare(other *parked) int {
	switch {
	case p.urgent == other.urgent:
		return p.since.Compare(other.since)
	case p.urgent:
		return -1
	}
	return 1
}

// lookAt looks what has become of a log that is not open.
func (u *unit) lookAt(p *parked, wants logs.RouteKind, now time.Time) *parked {
	next := *p
	if wants == logs.API {
		next.bytes, next.changed, next.urgent = 0, true, false
	} else {
		var changed bool
		next.bytes, changed, next.urgent = tail.Unread(u.route().Path, u.position.File)
		if changed && !p.changed {
			next.since = now
		}
		next.changed = p.changed || changed
	}
	next.urgent = next.urgent || !u.container().Running
	if next == *p {
		return p
	}
	return &next
}

// startWaiting opens the log that has waited longest for a descriptor that is free now.
func (c *Collector) startWaiting(ctx context.Context) {
	if c.room <= 0 {
		return
	}
	var next *unit
	for u, p := range c.parked {
		if p.changed && (next == nil || p.compare(c.parked[next]) < 0) {
			next = u
		}
	}
	if next != nil {
		c.start(ctx, next)
	}
}

// descriptors is how many a source counts for. All logs of the journal share its files.
func (s *fileSource) descriptors() int {
	if s.file == nil {
		return 0
	}
	return max(s.file.Files(), 1)
}

// countRoom counts the descriptors that are free for logs. A log has several while what
// rotation has made of it is read.
func (c *Collector) countRoom() {
	if c.config.MaxLogs <= 0 {
		c.room = 1 << 30 // the system itself says when there is none
		return
	}
	c.room = c.config.MaxLogs
	for _, u := range c.units {
		switch {
		case u.file != nil:
			c.room -= u.file.descriptors()
		case u.stream != nil:
			c.room -= streamFiles
		}
	}
}

// makeRoom asks as many logs as are wanted to give their descriptors back.
func (c *Collector) makeRoom(wanted int, now time.Time) {
	if wanted == 0 {
		return
	}
	var silent, others []*unit
	for _, u := range c.units {
		switch s := u.file; {
		case u.parking:
			wanted-- // is about to
		case u.stopping || u.removed || u.orphan:
		case u.stream != nil:
			if u.hadTurn(now) {
				others = append(others, u)
			}
		case s == nil || s.file == nil:
		case s.file.Files() > 1 || s.file.Stray(u.container().StartedAt) != nil:
			// What rotation has made, or nobody else has a name for, is not left alone.
		case s.isSilent():
			silent = append(silent, u)
		case now.Sub(u.startedAt) > turnLength:
			others = append(others, u)
		}
	}
	slices.SortFunc(silent, func(a, b *unit) int { return cmp.Compare(a.file.quiet.Load(), b.file.quiet.Load()) })
	slices.SortFunc(others, func(a, b *unit) int { return a.startedAt.Compare(b.startedAt) })
	for _, u := range append(silent, others...) {
		if wanted <= 0 {
			return
		}
		u.parking = true
		c.stop(u)
		wanted--
	}
}

// isSilent tells that all of a log is read and delivered, and that nothing is held back.
func (s *fileSource) isSilent() bool {
	return s.quiet.Load() != 0 && s.unit.stats.waiting.Load() == 0 && s.unit.stats.held.Load() == nil && s.log.Lag() == 0
}

// hadTurn reports whether the unit's stream may be interrupted for others.
func (u *unit) hadTurn(now time.Time) bool {
	turn := turnLength
	if end := u.stream.end.Load(); end == nil || *end > u.heard.Load() {
		turn = catchUp + u.patience()
	}
	return now.Sub(u.startedAt) > turn
}

// tellUnread says that a container is gone whose log was not open.
func (c *Collector) tellUnread(u *unit) {
	if p := c.parked[u]; p != nil && p.changed {
		c.config.Metrics.RotatedAway()
		u.log.Warn("the container was removed while its log waited for a descriptor: lines may be lost; raise the limit of open files (LimitNOFILE=, ulimit -n)", "bytes_at_least", p.bytes)
	}
}

// tellParked says, once, that there are more logs than descriptors, and when there are not.
func (c *Collector) tellParked() {
	switch n := c.Waiting(); {
	case n > 0 && !c.toldParked:
		c.toldParked = true
		c.config.Log.Warn("too few open files for all logs, reading them in turns: raise the limit of open files (LimitNOFILE=, ulimit -n)", "logs_not_open", n, "logs_open_at_most", c.config.MaxLogs)
	case n == 0 && c.toldParked:
		c.toldParked = false
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
