package dispatch

import (
	"sync"
	"time"
)

// tempo says how long lines are gathered, for all lanes. A line that comes after a silence
// goes at once, and those that follow are gathered for as long as the wait is: looking at the
// logs and making a request cost the same for one line as for a hundred, so that is what
// bounds the cost. The more there is to say, the longer it is: a busy host makes no more requests
// than a quiet one, and costs no more than it would with the longest wait.
//
// It goes by what is counted, lines and polls, and not by what these cost just now: that would
// make a host wait longer because another program is busy.
type tempo struct {
	// least and most bound the wait.
	least, most time.Duration

	mu sync.Mutex // guards the fields below
	// polled is how many logs each lane's reader polls in each round.
	polled []int
	// lines were taken since, and perSecond is what that was before.
	lines     int
	since     time.Time
	perSecond float64
	wait      time.Duration
}

const (
	// busyLines a second are so many that the wait is the longest; with half of them it is half as
	// long.
	busyLines = 10_000
	// busyLogs is the same of logs that are polled: with waits of up to 200 ms there are
	// 5,000 polls a second, which take about half a percent of a processor.
	busyLogs = 1000
	// tempoEvery is how often the wait is set.
	tempoEvery = 100 * time.Millisecond
)

// newTempo makes a tempo; without a least wait it is always the longest.
func newTempo(least, most time.Duration, lanes int) *tempo {
	if least <= 0 || least > most {
		least = most
	}
	return &tempo{least: least, most: most, wait: least, polled: make([]int, lanes), since: time.Now()}
}

// took notes that so many lines are about to be pushed.
func (t *tempo) took(lines int, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines += lines
	past := now.Sub(t.since)
	if past < tempoEvery {
		return
	}
	perSecond := float64(t.lines) / past.Seconds()
	if before := t.perSecond; past < time.Second { // otherwise what was before says nothing
		perSecond = max(perSecond, (perSecond+before)/2) // it falls slowly
	}
	t.perSecond, t.lines, t.since = perSecond, 0, now
	t.set()
}

// round notes how many logs a lane's reader polls in each round, and returns the wait.
func (t *tempo) round(lane, logs int) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.polled[lane] != logs {
		t.polled[lane] = logs
		t.set()
	}
	return t.wait
}

// current returns the wait.
func (t *tempo) current() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wait
}

// set sets the wait; the lock is held.
func (t *tempo) set() {
	logs := 0
	for _, n := range t.polled {
		logs += n
	}
	busy := max(t.perSecond/busyLines, float64(logs)/busyLogs)
	t.wait = min(max(time.Duration(busy*float64(t.most)), t.least), t.most)
}

// early is how long after a batch the next may leave, where logs are looked at after each wait:
// a little earlier, as looking takes now more and now less time. A batch that has just been read
// then does not need a timer and a wake-up of its own for the milliseconds that the one before
// took longer.
func early(wait time.Duration) time.Duration {
	return wait - max(wait/40, min(wait/4, 2*time.Millisecond))
}
