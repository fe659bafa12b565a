package collect

import (
	"context"
	"errors"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// How long a stream is silent before somebody looks whether there is something
// to hear, and at most how long it is between two looks at a silent stream.
const (
	minSilence = 10 * time.Second
	maxSilence = 5 * time.Minute
	// unboundedSearch is how long a stream of a log without a bound may be silent that
	// has brought nothing yet: the engine may be looking for the place to begin (see
	// tails). To break such a stream is to begin the search again, with 20.10 beside the
	// one that goes on, so the time doubles, up to maxSearch. searchRate is about half
	// of what that engine looks through, in bytes per second.
	unboundedSearch = 5 * time.Minute
	maxSearch       = time.Hour
	searchRate      = 20 << 20
	// maxEnd is how long the engine may take to end a stream that was opened when the
	// container had stopped.
	maxEnd = 2 * time.Minute
	// lookTimeout bounds a look, and maxLooks is how many are made at a time.
	lookTimeout = 10 * time.Second
	maxLooks    = 4
)

// Why a silent stream is opened again.
var (
	errStalled = errors.New("the engine has more of the log and does not send it")
	errEndless = errors.New("the container has stopped and the engine does not end its log")
)

// listen looks after a stream that is silent. Engines before 23 fall silent for
// good at some rotations of a log that they follow, and so does a stream whose
// connection was cut without a word; it is ended, and opened again where it was
// left. When the run is over a stream has no reason to be silent at all.
func (c *Collector) listen(ctx context.Context, u *unit, now time.Time) {
	if u.stream != nil {
		u.tellHeld(now)
	}
	if !u.doubtful() || now.Before(u.stream.lookAt) {
		return
	}
	s, silence := u.stream, u.silence(now)
	if silence < u.patience() {
		s.silence = minSilence
		s.lookIn(now, minSilence)
		return
	}
	s.lookIn(now, s.silence)
	s.silence = min(2*s.silence, maxSilence)
	if u.endless(min(silence, now.Sub(u.overAt))) {
		s.cancel(errEndless)
		return
	}
	if s.looking.Swap(true) {
		return
	}
	container, since := u.container(), u.idleSince.Load()
	c.streams.Go(func() error {
		defer s.looking.Store(false)
		if c.stalled(ctx, u, container) && u.idleSince.Load() == since {
			s.cancel(errStalled)
		}
		return nil
	})
}

// doubtful tells that the unit has a stream that ought not to be silent for ever
// and that can be opened again.
func (u *unit) doubtful() bool { return u.stream != nil && !u.stopping && !u.removed }

// silence is for how long the unit's stream has been silent; 0 while it is not, or
// still waits for its turn.
func (u *unit) silence(now time.Time) time.Duration {
	if t := u.stream.turn; t != nil {
		if waits, _ := t.state(); waits {
			return 0
		}
	}
	since := u.idleSince.Load()
	if since == nil {
		return 0
	}
	return now.Sub(*since)
}

// endless tells whether the unit's stream should have ended with the run, given for how
// long it has been silent since. One that has brought nothing is still looking for its
// beginning.
func (u *unit) endless(silence time.Duration) bool {
	if u.container().Running || !u.stream.spoke.Load() {
		return false
	}
	if t := u.stream.turn; t != nil {
		if _, over := t.state(); !over {
			return silence >= maxEnd
		}
	}
	return silence >= minSilence
}

// patience is how long the unit's stream may be silent before it is doubted.
func (u *unit) patience() time.Duration {
	if u.stream.spoke.Load() {
		return minSilence
	}
	return max(searchTime(u.container()), u.search)
}

// searchTime is how long the engine may look for the place to begin in a log.
func searchTime(c *logs.Container) time.Duration {
	if c.Driver != "json-file" {
		return 2 * minSilence // they are bounded, and need not be decoded
	}
	size := bound(c.DriverOptions)
	if size >= int64(unboundedSearch/time.Second)*searchRate {
		return unboundedSearch
	}
	return 2*minSilence + time.Duration(size)*time.Second/searchRate
}

// broke notes how a stream has ended.
func (u *unit) broke(s *streamSource, err error) {
	if s.spoke.Load() {
		u.search = 0
	} else if errors.Is(err, errStalled) {
		u.search = min(2*u.patience(), maxSearch)
	}
}

// lookIn says when to look next: all streams at the same time, so that many of
// them do not wake the collector one by one.
func (s *streamSource) lookIn(now time.Time, d time.Duration) {
	at := now.Add(d)
	// Not Truncate alone: that makes it depend on how the host's clock is set.
	s.lookAt = at.Add(at.Truncate(minSilence).Sub(at.Round(0)) + minSilence)
}

// stalled tells whether the engine has records that the stream has not brought.
func (c *Collector) stalled(ctx context.Context, u *unit, container *logs.Container) bool {
	select {
	case c.looks <- struct{}{}:
		defer func() { <-c.looks }()
	case <-ctx.Done():
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	heard := u.heard.Load()
	newest, err := c.config.Engine.Newest(ctx, u.id, container.TTY, heard+1)
	// When the engine does not answer, the stream will break by itself.
	return err == nil && newest > heard
}

// heard is the timestamp of about the newest record that was brought up to a
// position.
func heard(p logs.Position) int64 { return max(p.Latest(), p.Pending) }
