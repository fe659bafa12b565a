package suggest

import "time"

// From when on something is said.
const (
	// leastNoise and leastShare are how many lines, and which part of a container's in a
	// hundred, a kind of noise needs to be worth a rule.
	leastNoise, leastShare = 5, 2
	// leastRepeats and repeatShare are the same for a text that is repeated, which is noise
	// only to whoever says so; above mostShare it is what the container is for.
	leastRepeats, repeatShare, mostShare = 50, 30, 95
	// leastLevels and levelShare are for lines whose level nobody finds by itself.
	leastLevels, levelShare = 5, 5
	// manyValues is how many values make a bad label, and leastFields the part of the lines,
	// in a hundred, that such a field has to be in.
	manyValues, leastFields = 100, 1
	// shortLived is how long a log has to be kept at least, so that what was not collected
	// meanwhile is not lost.
	shortLived = time.Hour
	// largeLog is the size of a log without max-size in bytes, and largeMonth what it grows
	// by in 30 days, from which on it is named.
	largeLog, largeMonth = 256 << 20, 1 << 30
)

// Bounds of what is remembered of a container.
const (
	maxChecks   = 100
	maxRepeats  = 1000
	maxFields   = 200
	maxValues   = 1000
	maxDepth    = 4
	maxProposed = 6 // fields in one proposal
)

// share is a part in a hundred.
func share(n, of int64) int64 {
	if of == 0 {
		return 0
	}
	return n * 100 / of
}
