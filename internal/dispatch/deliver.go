package dispatch

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Backoff between attempts to push a batch.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 30 * time.Second
	// maxRetryAfter bounds what a sink may ask for.
	maxRetryAfter = 10 * time.Minute
	// warnEvery bounds how often the same trouble is logged.
	warnEvery = 30 * time.Second
)

// deliverAll pushes a batch in as many requests as it needs. It returns false
// when ctx is done before.
func (l *Lane) deliverAll(ctx context.Context, b *logs.Batch) bool {
	if !l.config.LastOnly {
		return l.deliver(ctx, b)
	}
	for _, part := range l.sent.plan(b, time.Now()) {
		if !l.deliver(ctx, part) {
			return false
		}
		l.sent.told(part, time.Now())
	}
	return true
}

// deliver pushes a batch until the sink has taken or refused all of it. It
// returns false when ctx is done before.
func (l *Lane) deliver(ctx context.Context, b *logs.Batch) bool {
	if b.Entries == 0 {
		return true
	}
	trouble := trouble{log: l.config.Log}
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		out := l.push(ctx, b)
		if ctx.Err() != nil && out.Kind != logs.Accepted {
			return false
		}
		switch out.Kind {
		case logs.Accepted:
			trouble.over()
			l.observe(b)
			return true
		case logs.TooLarge:
			l.shrink(b.Bytes)
			return l.halves(ctx, b, out, "too_large")
		case logs.Refused:
			if out.Exact {
				l.reject(out.Rejects)
				return true
			}
			return l.halves(ctx, b, out, "refused")
		case logs.Retry:
			trouble.report(out)
			l.config.Metrics.Retried(retryReason(out))
			if !pause(ctx, max(jitter(backoff), min(out.RetryAfter, maxRetryAfter))) {
				return false
			}
		}
	}
}

func (l *Lane) push(ctx context.Context, b *logs.Batch) logs.Outcome {
	began := time.Now()
	out := l.config.Sink.Push(ctx, b)
	l.config.Metrics.Pushed(outcomeName(out), time.Since(began), b.Bytes)
	return out
}

// halves delivers a batch in two parts, because the sink did not take the
// whole. Sending entries again that it took already does no harm. A single
// entry that it does not take is refused for good.
func (l *Lane) halves(ctx context.Context, b *logs.Batch, out logs.Outcome, reason string) bool {
	first, second := b.Split()
	if first == nil {
		message := ""
		if out.Err != nil {
			message = out.Err.Error()
		}
		l.reject([]logs.Reject{{Container: b.Groups[0].Labels.Get("container"), Reason: reason, Count: 1, Message: message}})
		return true
	}
	return l.deliver(ctx, first) && l.deliver(ctx, second)
}

func (l *Lane) reject(rejects []logs.Reject) {
	for _, r := range rejects {
		l.config.Metrics.Rejected(r.Reason, r.Count)
		l.rejects.add(l.config.Log, r, time.Now())
	}
}

// observeEach is up to how many entries of a group are measured one by one; of
// more, which is a backlog, the oldest stands for all.
const observeEach = 64

// observe measures the time from Docker's timestamp to the acknowledgement.
func (l *Lane) observe(b *logs.Batch) {
	now := time.Now().UnixNano()
	for _, g := range b.Groups {
		if g.Len() > observeEach {
			l.config.Metrics.Delivered(time.Duration(now-g.Times[0]), g.Len())
			continue
		}
		for _, at := range g.Times {
			l.config.Metrics.Delivered(time.Duration(now-at), 1)
		}
	}
}

func outcomeName(out logs.Outcome) string {
	switch out.Kind {
	case logs.Accepted:
		return "accepted"
	case logs.TooLarge:
		return "too_large"
	case logs.Refused:
		return "refused"
	default:
		return "retry"
	}
}

func retryReason(out logs.Outcome) string {
	switch {
	case out.Misconfigured:
		return "misconfigured"
	case out.RetryAfter > 0:
		return "retry_after"
	default:
		return "unavailable"
	}
}

func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// pause waits; it returns false when ctx is done before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// trouble logs that pushes fail, at a bounded rate, and that they work again.
type trouble struct {
	log   *slog.Logger
	since time.Time
	told  time.Time
	text  string
}

func (t *trouble) report(out logs.Outcome) {
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	text := out.Err.Error()
	if text == t.text && now.Sub(t.told) < warnEvery {
		return
	}
	t.told, t.text = now, text
	if out.Misconfigured {
		t.log.Error("the sink refuses this configuration, nothing is delivered until it is mended", "error", out.Err)
		return
	}
	t.log.Warn("cannot deliver, trying again", "error", out.Err, "since", t.since)
}

func (t *trouble) over() {
	if !t.since.IsZero() {
		t.log.Info("delivering again", "after", time.Since(t.since).Round(time.Millisecond))
	}
}
