package producer

import (
	"maps"
	"sync"

	"github.com/lighterman/lighterman/internal/logs"
)

// account is what has become of lines, counted once per chunk.
type account struct {
	mu sync.Mutex // guards the fields below
	// handed are entries that were handed over, and answered those of them of which the
	// sink has said what became.
	handed, answered int64
	joined           int64
	dropped          map[string]int64
	// sent is the largest number that is known: what was refused is known a little earlier
	// than that it was answered.
	sent int64
}

// read counts what one chunk has made of lines.
func (a *account) read(handed, joined int, dropped map[string]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handed += int64(handed)
	a.joined += int64(joined)
	for rule, n := range dropped {
		if n == 0 {
			continue
		}
		if a.dropped == nil {
			a.dropped = make(map[string]int64)
		}
		a.dropped[rule] += int64(n)
	}
}

// settled counts entries that the sink has taken or refused.
func (a *account) settled(entries int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answered += int64(entries)
}

// state returns all of it, given how many entries the sink has refused.
func (a *account) state(rejected int64) logs.Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = max(a.sent, a.answered-rejected)
	out := logs.Account{Sent: a.sent, Joined: a.joined, Rejected: rejected, Dropped: maps.Clone(a.dropped)}
	out.Pending = a.handed - a.sent - rejected
	out.Read = a.handed + a.joined + out.DroppedLines()
	return out
}
