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
	// lookTimeout bounds a look.
	lookTimeout = 10 * time.Second
)

var errStalled = errors.New("the engine has more of the log and does not send it")

// listen looks after a stream that is silent. Engines before 23 fall silent for
// good at some rotations of a log that they follow; such a stream is ended, and
// opened again where it was left.
func (c *Collector) listen(ctx context.Context, u *unit, now time.Time) {
	s := u.stream
	if s == nil || u.stopping || !u.container().Running || now.Before(s.lookAt) {
		return
	}
	since := u.idleSince.Load()
	if since == nil || now.Sub(*since) < minSilence {
		s.silence = minSilence
		s.lookIn(now, minSilence)
		return
	}
	s.lookIn(now, s.silence)
	s.silence = min(2*s.silence, maxSilence)
	container := u.container()
	c.streams.Go(func() error {
		if c.stalled(ctx, u, container) && u.idleSince.Load() == since {
			s.cancel(errStalled)
		}
		return nil
	})
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
	case c.final <- struct{}{}:
		defer func() { <-c.final }()
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

// heard is the timestamp of the newest record that a stream has brought. Of a
// line whose end has not come, the parts have that of the first.
func heard(p logs.Position) int64 {
	return max(p.Newest[logs.Stdout].Time, p.Newest[logs.Stderr].Time, p.Pending)
}
