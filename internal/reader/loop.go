package reader

import (
	"context"
	"time"
)

// flushBusy is how long a reader may find something to read until the lane lets
// what it has leave.
const flushBusy = 50 * time.Millisecond

// Run reads until ctx is done.
func (r *Reader) Run(ctx context.Context) error {
	// The timer runs only while there is something to poll.
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	var due time.Time
	seldom := false // due is that of sources which are looked at seldom
	await := func() {
		if !due.IsZero() && (!seldom || len(r.ticks.hot) == 0) {
			return
		}
		due = r.ticks.next(time.Now(), r.round())
		seldom = len(r.ticks.hot) == 0
	}
	flushed := time.Now()
	for ctx.Err() == nil {
		task, s := r.next()
		switch {
		case task != nil:
			task()
			continue
		case s != nil:
			r.read(s)
			await()
			now := time.Now()
			if now.Sub(flushed) > flushBusy {
				// What others have written must not wait for a file without end that
				// holds no entries.
				r.config.Lane.Flush()
				flushed = now
			}
			if !due.IsZero() && now.After(due) {
				due = r.pulse()
			}
			continue
		}
		r.config.Lane.Flush()
		flushed = time.Now()
		await()
		if !due.IsZero() {
			timer.Reset(time.Until(due))
		}
		select {
		case <-r.wake:
			timer.Stop()
		case <-timer.C:
			due = r.pulse()
		case <-ctx.Done():
		}
	}
	return nil
}

// round is how long it is until what is being written is looked at again.
func (r *Reader) round() time.Duration {
	if len(r.ticks.hot) == 0 {
		r.polled = 0
	}
	r.polled = max(r.polled, len(r.ticks.hot)) // those of this round are not all there yet
	if wait := r.config.Lane.Round(r.polled); wait > 0 {
		r.patience = patienceFor(wait)
		return wait
	}
	return r.config.Poll
}

// before is how long before a batch leaves the files are polled for it: time enough to
// read them.
const before = 5 * time.Millisecond

// pulse ticks, unless the lane's next batch leaves only later, since a stream of the
// API has had one sent in between: what is read now would wait for it. It returns when
// to tick then. It puts off once, so that streams cannot put off for ever.
func (r *Reader) pulse() (due time.Time) {
	if at := r.config.Lane.Due().Add(-before); !r.ticks.putOff && !r.ticks.slowDue(time.Now()) && time.Until(at) > 0 {
		r.ticks.putOff = true
		return at
	}
	hot, slow := r.ticks.take(time.Now())
	r.polled = len(hot)
	for _, s := range hot {
		r.enqueue(s)
	}
	for _, s := range slow {
		r.enqueue(s)
	}
	return time.Time{}
}
