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
	// Exact tells that Rejects lists exactly what was refused.
	Exact   bool
	Rejects []Reject
}

// Reject is a number of entries that the sink refused for one reason.
type Reject struct {
	// Container is the name of the container; empty when it is not known.
	Container string
	// Reason is a short constant word, such as "too_old".
	Reason string
	// Count is the number of entries.
	Count int
	// Message is the sink's own text.
	Message string
}
