package checkpoint

import (
	"context"
	"time"
)

// Run saves while there are changes, at most once per second, until ctx is
// done, and then once more. While nothing changes no timer runs. A save that
// fails, as on a full disk, is tried again for as long as it takes. Run returns
// the error of the last save.
func (s *Store) Run(ctx context.Context) error {
	r := runner{store: s}
	for {
		select {
		case <-ctx.Done():
			return s.Save()
		case <-s.wake:
		}
		// The wait gathers the changes of an interval into one save.
		timer := time.NewTimer(s.interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return s.Save()
		case <-timer.C:
			r.report(s.Save())
			r.reportLog(s.Stats().LogError)
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
