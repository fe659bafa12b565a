package dispatch

import "github.com/lighterman/lighterman/internal/logs"

func outcomeName(out logs.Outcome) string {
	switch out.Kind {
	case logs.Accepted:
		return "accepted"
	case logs.TooLarge:
		return "too_large"
	case logs.Refused:
		return "refused"
	default:
		return "retry"
	}
}

func retryReason(out logs.Outcome) string {
	switch {
	case out.Misconfigured:
		return "misconfigured"
	case out.Group != nil && out.RateLimited:
		return "stream_rate_limit"
	case out.Group != nil:
		return "stream_limit"
	case out.RateLimited:
		return "rate_limit"
	case out.RetryAfter > 0:
		return "retry_after"
	default:
		return "unavailable"
	}
}
