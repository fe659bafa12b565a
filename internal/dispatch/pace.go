package dispatch

import (
	"math/rand/v2"
	"time"
)

// pace is what a lane has learnt about its sink: how much it takes at once, how long that
// takes, and how many pushes at a time it serves. The lane's mu guards it.
type pace struct {
	// limit is the size of a batch, in bytes. It shrinks when the sink finds
	// batches too large, and most bounds it.
	limit, most int
	// stuck tells that the sink takes nothing at all.
	stuck bool
	// answer is how long the sink took for its last answer, and tooLate how long a push
	// took that was given up; 0 when none was.
	answer, tooLate time.Duration
	// inFlight is the number of pushes under way, and pushers that of the goroutines
	// which push, of which it has been found to serve mostPushers; requests bounds those under way.
	inFlight, pushers, mostPushers, requests int
	// alone tells that the last push was of a queue that is set aside, and last is when the
	// last batch left.
	alone bool
	last  time.Time
}

// While the sink answers at once, one push at a time is as quick as several. A sink that
// is far away, or takes its time, is then waited for most of the time: when a full batch
// waits and all pushers of the lane wait for an answer, another is started, and it ends
// when there is no full batch any more. Each pushes what is of other containers. Where a
// batch makes several requests, as its streams may be refused, they leave together.
const (
	// maxPushers bounds the batches of a lane that are under way, and maxPushes the
	// requests, where they are not bounded for all lanes.
	maxPushers, maxPushes = 8, 8
	// slowAnswer is the time to an answer from which on it is worth while. Where there is
	// one processor a near sink's takes up to 20 ms, as reading goes on meanwhile.
	slowAnswer = 40 * time.Millisecond
	// soonAnswer is the time within which nothing is too late for being too much.
	soonAnswer = time.Second
	// readAhead is how many batches a lane holds beside two for each pusher, and queueAhead
	// how many of them are one container's: one under way and one that is filled. What is
	// read further ahead comes no sooner, is in the way of what others write meanwhile, and
	// takes memory that is not in the processor's cache any more when it is pushed.
	readAhead, queueAhead = 2, 2
	// minBatch is the size below which batches are not made smaller, in bytes.
	minBatch = 16 << 10
)

// ahead is how much a lane may hold of containers that are not set aside, in bytes: enough
// for the sink not to wait.
func (p *pace) ahead() int { return (2*p.mostPushers + readAhead) * p.unit() }

// unit is what is read ahead by, in bytes: a batch, or a chunk where that is more.
func (p *pace) unit() int { return max(p.most, wholeChunk) }

// full is the size up to which a container's part of a batch is filled. The rest
// is for the containers that have little to say.
func full(limit int) int { return limit - small(limit) }

// small is the size of a part of a batch that does not have to wait its turn.
func small(limit int) int { return limit / 8 }

// answered notes how long an answer took, or that there was none in time. Over a
// line that is full, more requests at once only share it, and take longer each until none
// is answered in time. Once that has happened, one pusher more for each answer, and half
// of them when answers take half of that time, comes to rest near what the line carries.
//
// So do batches: twice as much takes twice as long at most.
func (p *pace) answered(took time.Duration, bytes int, timedOut bool) {
	p.answer = took
	if most := p.tooLate * 3 / 4; !timedOut && took < most && 2*bytes > p.limit {
		p.limit = min(int(float64(p.limit)*min(2, float64(most)/float64(took+1))), p.most)
	}
	switch {
	case timedOut:
		p.tooLate, p.mostPushers = took, 1
	case p.crowded():
		p.mostPushers = max(p.mostPushers/2, 1)
	case took >= slowAnswer:
		p.mostPushers = min(p.mostPushers+1, maxPushers, p.requests)
	}
}

// crowded tells that answers take so long that more at once would be too much.
func (p *pace) crowded() bool { return p.tooLate > 0 && p.answer >= p.tooLate/2 }

// slow tells that answers take long, and that several requests at once help.
func (p *pace) slow() bool { return p.answer >= slowAnswer && !p.crowded() && !p.stuck }

// wantsHelp tells whether another pusher is worth while with so many bytes that wait.
func (p *pace) wantsHelp(queued int) bool {
	return !p.stuck && p.answer >= slowAnswer && queued >= full(p.limit) && p.inFlight >= p.pushers && p.pushers < p.mostPushers
}

// helps tells whether one who helps out has something to do.
func (p *pace) helps(queued int) bool {
	return queued >= full(p.limit) && !p.stuck && p.pushers <= p.mostPushers
}

// shrink makes future batches smaller than one that was too large.
func (p *pace) shrink(size int) { p.limit = max(min(p.limit, size/2), minBatch) }

// grow makes batches that were found too large larger again, little by little.
func (p *pace) grow() {
	if p.tooLate == 0 {
		p.limit = min(p.limit+p.limit/8, p.most)
	}
}

// jitter is about so long: hosts that have lost the same sink must not come back together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// spread is a pause that a sink asks for, up to half as long again: it has asked all hosts of a
// fleet for the same, and they must not come back together.
func spread(d time.Duration) time.Duration { return d + rand.N(d/2+1) }
