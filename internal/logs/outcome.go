package logs

import "time"

// OutcomeKind is what a sink's answer to a batch means for its entries.
type OutcomeKind uint8

const (
	// Accepted: the sink has all of it.
	Accepted OutcomeKind = iota
	// Retry: nothing is known to be stored; send it again after a while.
	Retry
	// TooLarge: the batch is too large as one request.
	TooLarge
	// Refused: the sink refused some of the entries for good and keeps the
	// rest. Rejects says which when Exact is set.
	Refused
)

// Outcome is a sink's answer to one batch. The sink only classifies; what
// happens next is the dispatcher's decision.
type Outcome struct {
	Kind OutcomeKind
	// Err is the reason in words for everything but Accepted. It holds no
	// secret.
	Err error
	// RetryAfter is how long the sink asked to be left alone; 0 when it did not.
	RetryAfter time.Duration
	// Misconfigured tells that somebody must mend something before a retry
	// can succeed: a wrong password, tenant or path.
	Misconfigured bool
	// Unproven tells that the sink has not accepted anything yet, and that what answered
	// may be something else: only what it accepts can tell.
	Unproven bool
	// Unreachable tells that there was nobody to burden: trying again soon costs
	// the sink nothing.
	Unreachable bool
	// TimedOut tells that the sink, or the way there, took too long: less at a time
	// might have arrived.
	TimedOut bool
	// Group is the one group of the batch that a Retry or TooLarge is about: the
	// others would have been taken without it. It is nil when it is about all.
	Group *Group
	// RateLimited tells that less at a time might have been taken.
	RateLimited bool
	// Pace is how long the limit takes to have room for as much again; 0 when
	// that is not known. An attempt before that uses up what room there is.
	Pace time.Duration
	// Parts is the least number of parts in which what is TooLarge can be
	// taken; 0 when that is not known.
	Parts int
	// Exact tells that Rejects lists exactly what was refused.
	Exact   bool
	Rejects []Reject
}

// Reject is a number of entries that the sink refused for one reason.
type Reject struct {
	// Container is the name of the container; empty when it is not known.
	Container string
	// ID is its ID, empty likewise.
	ID string
	// Reason is a short constant word, such as "too_old".
	Reason string
	// Count is the number of entries.
	Count int
	// Example is the timestamp of one of the entries, in Unix nanoseconds; 0
	// when it is not known.
	Example int64
	// Message is the sink's own text.
	Message string
	// Streams are the groups that are refused as a whole, for their labels: whatever else
	// comes of them would be refused, too.
	Streams []*Group
}
