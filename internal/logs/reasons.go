package logs

// RejectReasons are the words that Reject.Reason may have. Metrics show all of them from
// the start, so that the first refusal is a rise and not a new series.
var RejectReasons = []string{
	"too_far_behind", "out_of_order", "too_old", "too_new", "line_too_long", "structured_metadata", "labels", "too_large", "refused",
}

// RetryReasons are the words for why a push has to be repeated, in metrics.
var RetryReasons = []string{"misconfigured", "stream_rate_limit", "stream_limit", "rate_limit", "retry_after", "unavailable"}
