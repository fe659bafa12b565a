package checkpoint

import (
	"context"
	"time"
)

// Run saves while there are changes, every five seconds, or after one where there is
// more to lose (changedSoon), until ctx is done, and then once more. While nothing changes
// no timer runs. A save that fails, as on a full disk, is tried again for as long as it
// takes. Run returns the error of the last save.
func (s *Store) Run(ctx context.Context) error {
	r := runner{store: s}
	for {
		select {
		case <-ctx.Done():
			return s.Save()
		case <-s.wake:
		}
		if !s.gather(ctx) {
			return s.Save()
		}
		r.report(s.Save())
		r.reportLog(s.Stats().LogError)
	}
}

// gather waits as long as changes are gathered for one save; false when ctx is done.
func (s *Store) gather(ctx context.Context) bool {
	start := time.Now()
	timer := time.NewTimer(s.interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-s.hurry:
			timer.Reset(soonInterval - time.Since(start))
		case <-timer.C:
			return true
		}
	}
}

// runner remembers what was said last of the saves and of the log of positions,
// so that a state is logged once.
type runner struct {
	store         *Store
	last, lastLog string
}

func (r *runner) report(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == r.last:
	case err != nil:
		r.store.log.Error("positions are not saved: after a crash, lines would be sent again; trying again", "error", err)
	default:
		r.store.log.Info("positions are saved again")
	}
	r.last = text
}

func (r *runner) reportLog(text string) {
	switch {
	case text == r.lastLog:
	case text != "":
		r.store.log.Error("positions are not logged: after a crash, what was delivered since the last save would be "+
			"sent again; trying again", "error", text)
	default:
		r.store.log.Info("positions are logged again")
	}
	r.lastLog = text
}
