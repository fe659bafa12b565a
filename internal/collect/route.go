package collect

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// decide chooses the unit's route and reports a change. A file that is being
// read stays: in the middle of a rotation it would seem to be missing. One that
// should be there since its container has started, and is not, does not stay.
func (c *Collector) decide(u *unit) {
	if u.fate.refused || u.fate.presence == leftover {
		return
	}
	if logs.IsHostFile(u.producer.ID) {
		now := c.config.Route(u.container())
		if before := u.route(); now.Kind == logs.Unreadable && before.Reason != now.Reason {
			u.producer.Log.Warn("file is not collected", "reason", now.Reason)
		}
		u.chosen.Store(&now)
		return
	}
	file := u.file()
	missing := file != nil && !u.container().StartedAt.IsZero() && file.Missing()
	before, now := u.route(), c.config.Route(u.container())
	var wait bool
	if u.probe, wait = u.probe.look(now.Missing, time.Now()); wait {
		return
	}
	if now.Deleted && (missing || file == nil) && c.config.Hold.Has(u.producer.ID) {
		now = logs.Route{Kind: logs.File, Path: now.Path, Format: now.Format,
			Reason: "the log was deleted or renamed while the container runs, Docker writes on to the file that hold-dir has: restart the container"}
	}
	if file != nil && !missing {
		switch {
		case now.Kind != before.Kind:
		case now.Path == before.Path:
			u.chosen.Store(&now) // the reason may be another
		case pathExists(now.Path): // a link on the way to the data root leads elsewhere now
			u.chosen.Store(&now)
			u.producer.Log.Info("the log file is in another place now, reading goes on there", "before", before.Path, "now", now.Path)
			u.stop(stopping)
		}
		return
	}
	u.chosen.Store(&now)
	if before.Kind == now.Kind && before.Reason == now.Reason {
		return
	}
	level := slog.LevelInfo
	if now.Kind == logs.Unreadable {
		level = slog.LevelWarn
	}
	u.producer.Log.Log(context.Background(), level, "route chosen", "route", now.Kind.String(), "reason", now.Reason)
}

func pathExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
