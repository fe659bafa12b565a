package loki

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// classify says what an answer means for the batch's entries.
func classify(response *http.Response, text string, b *logs.Batch) logs.Outcome {
	status := response.StatusCode
	err := fmt.Errorf("cannot push to Loki: it answers %d: %s", status, brief(text))
	switch {
	case isPage(response, text), status == statusBlocked:
		return misconfigured(response, err)
	case status/100 == 2:
		return logs.Outcome{Kind: logs.Accepted}
	case status == http.StatusRequestEntityTooLarge, status/100 == 5 && strings.Contains(text, grpcTooLarge):
		return logs.Outcome{Kind: logs.TooLarge, Err: err}
	case status == http.StatusTooManyRequests, isLimited(status, text):
		out := limited(text, b)
		out.Err, out.RetryAfter = err, retryAfter(response.Header.Get("Retry-After"), time.Now())
		return out
	case status == http.StatusRequestTimeout, status/100 == 5:
		return logs.Outcome{
			Kind: logs.Retry, Err: err, RetryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now()),
			TimedOut: status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout,
		}
	case (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) && isLokis(response, text):
		rejects, exact := refused(text, b)
		return logs.Outcome{Kind: logs.Refused, Err: err, Rejects: rejects, Exact: exact}
	default:
		return misconfigured(response, err)
	}
}

func misconfigured(response *http.Response, err error) logs.Outcome {
	return logs.Outcome{
		Kind: logs.Retry, Misconfigured: true, Err: fmt.Errorf("%w%s", err, cure(response)),
		RetryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now()),
	}
}

// statusBlocked is what Loki answers, unless another status is configured, while
// its operator has blocked ingestion: it stores nothing.
const statusBlocked = 260

// grpcTooLarge is in the text of a 500 when the request was too large between
// Loki's distributor and ingester (grpc_server_max_recv_msg_size, 4 MB).
const grpcTooLarge = "message larger than max"

// isPage tells that an answer is a web page: it is then not Loki's, but that of
// something in between, and says nothing of the entries. A page behind a 2xx has
// not stored them either.
func isPage(response *http.Response, text string) bool {
	if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests ||
		response.StatusCode == http.StatusRequestEntityTooLarge || response.StatusCode == http.StatusRequestTimeout {
		return false // proxies have pages for these too, with the same meaning
	}
	return strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || strings.HasPrefix(text, "<")
}

// isLokis tells that a refusal can be Loki's: that has a text and its type. A TLS
// server that is spoken to in plain text answers 400 without a type.
func isLokis(response *http.Response, text string) bool {
	return text != "" && response.Header.Get("Content-Type") != ""
}

// isLimited tells that a 400 is about a rate limit in part. The entries over the
// limit come among those that are refused for good when Loki does not shard
// streams, and then the last entry decides about the status.
func isLimited(status int, text string) bool {
	reasons, _, ok := ingesters(text)
	return ok && status == http.StatusBadRequest && strings.Contains(reasons, "'Per stream rate limit exceeded")
}

// cure is a hint at what to mend.
func cure(response *http.Response) string {
	switch {
	case response.StatusCode == http.StatusUnauthorized:
		return " (check the user name and password, or the token, and the tenant)"
	case response.StatusCode == http.StatusForbidden:
		return " (check what the user or token may do)"
	case response.StatusCode == http.StatusNotFound:
		return " (check the URL; without a path " + PushPath + " is added)"
	case response.StatusCode/100 == 3:
		return fmt.Sprintf(" (it redirects to %q: use that URL)", redacted(response.Header.Get("Location")))
	case response.StatusCode == statusBlocked:
		return " (Loki's operator has blocked ingestion)"
	default:
		return " (check the URL)"
	}
}

// redacted hides the password of a URL.
func redacted(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

func brief(text string) string {
	const limit = 500
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// retryAfter parses a number of seconds or a date.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
