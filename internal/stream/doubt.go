package stream

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
	// lastWords is how long a stream may go on after its container was
	// removed. The engine ends it in order, but not if the engine is gone.
	lastWords = 10 * time.Second
	// lookTimeout bounds a look.
	lookTimeout = 10 * time.Second
)

// Why a silent stream is opened again, or, with errSilent, is not.
var (
	errStalled = errors.New("the engine has more of the log and does not send it")
	errEndless = errors.New("the container has stopped and the engine does not end its log")
	errSilent  = errors.New("the container was removed and its log is silent")
)

// attend doubts the stream. The timer calls it.
func (s *Source) attend(now time.Time) {
	s.mu.Lock()
	if s.doubt.over {
		s.mu.Unlock()
		return
	}
	look, end := s.listen(now)
	held := s.heldTooLong(now)
	if look {
		s.doubt.looking = true
		idle := s.idleSince.Load()
		// The stream's own goroutine has not ended, so that Wait waits for this one too.
		s.group.sources.Go(func() error { s.lookAgain(idle); return nil })
	}
	s.rest(now)
	s.mu.Unlock()
	if held != nil {
		s.start.Producer.WarnHeld(held)
	}
	if end != nil {
		s.trust()
		s.cancel(end)
	}
}

// rest sets the timer. The lock is held.
func (s *Source) rest(now time.Time) {
	if !s.doubt.over {
		s.doubt.timer.Reset(max(s.due(now).Sub(now), 10*time.Millisecond))
	}
}

// trust makes the stream be doubted no more.
func (s *Source) trust() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubt.over = true
	s.doubt.timer.Stop()
}

// lookIn says when to look next: all streams at the same time, so that many of
// them wake the process once.
func (d *doubt) lookIn(now time.Time, in time.Duration) {
	at := now.Add(in)
	// Not Truncate alone: that makes it depend on how the host's clock is set.
	d.lookAt = at.Add(at.Truncate(minSilence).Sub(at.Round(0)) + minSilence)
}

// due is when to attend to the stream next.
func (s *Source) due(now time.Time) time.Time {
	if !s.doubt.removedAt.IsZero() {
		return s.lastWordsAt(now)
	}
	return s.doubt.lookAt
}

// lastWordsAt is when the stream of a removed container has been silent for too
// long. While the sink does not take what the stream has, it is not silent.
func (s *Source) lastWordsAt(now time.Time) time.Time {
	idle := s.idleSince.Load()
	if idle == nil {
		return now.Add(lastWords)
	}
	silence := lastWords
	if !s.spoke.Load() {
		silence = searchTime(s.doubt.container)
	}
	if idle.After(s.doubt.removedAt) {
		return idle.Add(silence)
	}
	return s.doubt.removedAt.Add(silence)
}

// listen judges a stream that is silent: look says that the engine is to be asked whether it
// has more, and end why to end the stream. Engines before 23 fall silent for good at some
// rotations of a log that they follow, and so does a stream whose connection was cut
// without a word; it is ended, and opened again where it was left. When the run is over a
// stream has no reason to be silent at all.
func (s *Source) listen(now time.Time) (look bool, end error) {
	d := &s.doubt
	switch {
	case d.removedAt.IsZero():
	case now.After(s.lastWordsAt(now)):
		return false, errSilent
	default:
		return false, nil // it ends by itself
	}
	if now.Before(d.lookAt) {
		return false, nil
	}
	silence := s.silence(now)
	if silence < s.patience() {
		d.silence = minSilence
		d.lookIn(now, minSilence)
		return false, nil
	}
	d.lookIn(now, d.silence)
	d.silence = min(2*d.silence, maxSilence)
	if s.endless(min(silence, now.Sub(d.stoppedAt))) {
		return false, errEndless
	}
	return !d.looking, nil
}

// silence is for how long the stream has been silent; 0 while it is not, or
// still waits for its permit.
func (s *Source) silence(now time.Time) time.Duration {
	if s.permit != nil {
		if waits, _ := s.permit.state(); waits {
			return 0
		}
	}
	since := s.idleSince.Load()
	if since == nil {
		return 0
	}
	return now.Sub(*since)
}

// endless reports whether the stream should have ended with the run, given for how
// long it has been silent since. One that has brought nothing is still looking for its
// beginning.
func (s *Source) endless(silence time.Duration) bool {
	if s.doubt.container.Running || !s.spoke.Load() {
		return false
	}
	if s.permit != nil {
		if _, over := s.permit.state(); !over {
			return silence >= maxEnd
		}
	}
	return silence >= minSilence
}

// Patience is how long the stream may be silent before it is doubted.
func (s *Source) Patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.patience()
}

func (s *Source) patience() time.Duration {
	if s.spoke.Load() {
		return minSilence
	}
	return max(searchTime(s.doubt.container), s.start.Search)
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

// nextSearch is how long the next stream is left alone, given how this one has ended.
func (s *Source) nextSearch(err error) time.Duration {
	switch {
	case s.spoke.Load():
		return 0
	case errors.Is(err, errStalled):
		return min(2*s.Patience(), maxSearch)
	}
	return s.start.Search
}

// heldTooLong returns once what the stream has held back for long.
func (s *Source) heldTooLong(now time.Time) error {
	h := s.start.Producer.Held()
	err := h.Problem(now)
	if err == nil || h.Since.Equal(s.doubt.heldWarned) {
		return nil
	}
	s.doubt.heldWarned = h.Since
	return err
}

// lookAgain ends the stream if the engine has records that it has not brought.
func (s *Source) lookAgain(idle *time.Time) {
	if s.stalled() && s.idleSince.Load() == idle {
		s.cancel(errStalled)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubt.looking = false
}

// stalled reports whether the engine has records that the stream has not brought.
func (s *Source) stalled() bool {
	g := s.group
	select {
	case g.looks <- struct{}{}:
		defer func() { <-g.looks }()
	case <-s.ctx.Done():
		return false
	}
	ctx, cancel := context.WithTimeout(s.ctx, lookTimeout)
	defer cancel()
	heard := s.heard.Load()
	newest, err := g.config.Engine.Newest(ctx, s.start.Producer.ID, s.start.Container.TTY, heard+1)
	// When the engine does not answer, the stream will break by itself.
	return err == nil && newest > heard
}

// Update says what has become of its container, and since when it does not
// exist; zero while it does.
func (s *Source) Update(c *logs.Container, removedAt time.Time) {
	if s.permit != nil && c.Running {
		s.permit.end() // it will follow the new run, for as long as that takes
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, now := &s.doubt, time.Now()
	if d.container.Running && !c.Running {
		d.stoppedAt = now
	}
	d.container = c
	if !removedAt.Equal(d.removedAt) {
		d.removedAt = removedAt
		s.rest(now)
	}
}

// Stop asks the source to end.
func (s *Source) Stop() {
	s.trust()
	s.cancel(errAsked)
}

// Close gives back what the source has open, when it has ended.
func (s *Source) Close() { s.cancel(nil) }
