package assemble

import "github.com/lighterman/lighterman/internal/logs"

// pending is the oldest line that was held back when the log was left, on whatever route. Until
// it has come again it is held nowhere: only the position tells of it, and a log may be left
// again before that.
type pending struct {
	// time is its timestamp; 0 when there was none, or when it has come again. That is so when a
	// record has come that is newer than newest, the newest entry handed over.
	time, newest int64
}

func newPending(from logs.Position) pending { return pending{from.Pending, from.Latest()} }

// pass notes that a record has come.
func (p *pending) pass(r *logs.Record) {
	if r.Time > p.newest {
		p.time = 0
	}
}

// Pending returns the timestamp of the oldest line that is held back, or was when the log was
// left and has not come again; 0 for none. A resume by time must begin there.
func (a *Assembler) Pending() int64 {
	oldest := a.pending.time
	for s := range logs.Streams {
		if _, time, held := a.Held(logs.Stream(s)); held && (oldest == 0 || time < oldest) {
			oldest = time
		}
	}
	return oldest
}
