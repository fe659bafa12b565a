package collect

import (
	"context"
	"log/slog"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// ended takes a source's end up and does what follows.
func (c *Collector) ended(ctx context.Context, e ended) {
	u := e.unit
	source, kind, before := u.source(), u.runs(), u.phase
	c.descriptors.free += source.Descriptors()
	u.running.Store(nil)
	source.Close()
	u.position = e.position
	if kind == logs.API {
		u.search = e.search
	}
	u.enter(idle)
	if e.read || time.Since(u.startedAt) > maxBackoff {
		u.retry.pause, u.retry.broke = 0, ""
		if kind != logs.API {
			u.retry.logged = ""
		}
	}
	switch consequenceOf(kind, before, u.fate.gone(), e.err) {
	case asFor:
	case parkNow:
		c.descriptors.park(u, kind == logs.API)
		c.startWaiting(ctx)
	case readOut:
		if u.fate.gone() {
			u.become(drained)
		}
	case unread:
		c.cannotRead(ctx, u, e.err)
	case runOver:
		u.retry = u.retry.later(time.Now())
		c.config.Discovery.Refresh(u.producer.ID)
	case broke:
		u.producer.Fail(e.err)
		// A busy engine takes half a minute to remove a container, and says the same meanwhile.
		severity := slog.LevelInfo
		if e.err.Error() == u.retry.broke {
			severity = slog.LevelDebug
		}
		u.retry = u.retry.later(time.Now())
		u.retry.broke = e.err.Error()
		u.producer.Log.Log(ctx, severity, "log stream from the Docker API broke, reconnecting", "error", e.err, "in", u.retry.pause)
		c.config.Discovery.Refresh(u.producer.ID)
	case refuse:
		u.fate.refused = true
		u.chosen.Store(&logs.Route{Reason: "the engine says: " + logs.ErrUnreadable.Error()})
		u.producer.Log.Warn("the engine cannot read this log back, nobody can collect it", "reason", u.route().Reason)
	}
	c.reconcile(ctx, u)
}
