package loki

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/redact"
)

// reply is what came back of a request.
type reply struct {
	status int
	header http.Header
	// text is as it came: a secret may be one of Loki's own words, which are looked for.
	text string
	// cut tells that there is more than text.
	cut bool
	// secrets hides what must not be shown of the text.
	secrets *redact.Scrubber
}

// shown is the text as it may be shown.
func (a *reply) shown() string { return Brief(a.secrets.Scrub(a.text)) }

// AnswerError is the error of a push that was answered, by Loki or by what stands before it.
type AnswerError struct {
	Status int
	// Text is what was answered. It may quote labels of lines, and the tenant.
	Text string
	// By is who has answered; Loki where it is empty.
	By string
}

// Error implements error.
func (a *AnswerError) Error() string { return a.Brief() + ": " + a.Text }

// Brief is Error without what may be quoted.
func (a *AnswerError) Brief() string {
	return fmt.Sprintf("cannot push to %s: it answers %d", cmp.Or(a.By, "Loki"), a.Status)
}

// classify says what an answer means for the batch's entries. known tells whether a
// refusal is one in Loki's own words.
func classify(a *reply, b *logs.Batch) (out logs.Outcome, known bool) {
	err := &AnswerError{Status: a.status, Text: a.shown()}
	wait := retryAfter(a.header.Get("Retry-After"), time.Now())
	switch {
	case a.isPage(), a.status == statusBlocked:
		return a.misconfigured(err), false
	case a.status/100 == 2:
		return logs.Outcome{Kind: logs.Accepted}, true
	case a.status == http.StatusRequestEntityTooLarge, a.status/100 == 5 && grpcTooLarge.MatchString(a.text):
		return logs.Outcome{Kind: logs.TooLarge, Err: err}, false
	case a.status == http.StatusTooManyRequests, a.isLimited():
		out := limited(a.text, b)
		out.Err, out.RetryAfter = err, wait
		return out, true
	case a.status == http.StatusRequestTimeout, a.status/100 == 5:
		return logs.Outcome{
			Kind: logs.Retry, Err: err, RetryAfter: wait,
			TimedOut: a.status == http.StatusRequestTimeout || a.status == http.StatusGatewayTimeout,
		}, false
	case (a.status == http.StatusBadRequest || a.status == http.StatusUnprocessableEntity) && a.isLokis():
		rejects, exact := refused(a.text, b)
		if a.cut { // what is missing may tell of more entries
			rejects, exact = nil, false
		}
		return logs.Outcome{Kind: logs.Refused, Err: err, Rejects: rejects, Exact: exact}, a.isKnown()
	default:
		return a.misconfigured(err), false
	}
}

func (a *reply) misconfigured(err error) logs.Outcome {
	return logs.Outcome{
		Kind: logs.Retry, Misconfigured: true, Err: fmt.Errorf("%w%s", err, a.cure()),
		RetryAfter: retryAfter(a.header.Get("Retry-After"), time.Now()),
	}
}

// isKnown tells that a refusal is in words that only Loki has.
func (a *reply) isKnown() bool {
	if strings.HasPrefix(a.text, NoStreams) {
		return true
	}
	said, all := verdicts(a.text)
	return all || a.cut && len(said) > 0
}

// NoStreams is what Loki answers to a push of nothing.
const NoStreams = "error at least one valid stream is required"

// statusBlocked is what Loki answers, unless another status is configured, while
// its operator has blocked ingestion: it stores nothing.
const statusBlocked = 260

// grpcTooLarge is the text of a 500 when the request was too large between
// Loki's distributor and ingester (grpc_server_max_recv_msg_size, 4 MB). Nothing in it
// is quoted.
var grpcTooLarge = regexp.MustCompile(`^[^{}'"\n]*message (?:after decompression )?larger than max`)

// LargeForGRPC reports whether the text of an answer says that the request was too large
// between two processes behind the one that has answered.
func LargeForGRPC(text string) bool { return grpcTooLarge.MatchString(text) }

// isPage tells that an answer is a web page: it is then not Loki's, but that of
// something in between, and says nothing of the entries. A page behind a 2xx has
// not stored them either.
func (a *reply) isPage() bool { return IsPage(a.status, a.header, a.text) }

// IsPage is that of an answer of any receiver. Spaces before its text do not count.
func IsPage(status int, header http.Header, text string) bool {
	if status >= 500 || status == http.StatusTooManyRequests ||
		status == http.StatusRequestEntityTooLarge || status == http.StatusRequestTimeout {
		return false // proxies have pages for these too, with the same meaning
	}
	return strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "text/html") || strings.HasPrefix(strings.TrimSpace(text), "<")
}

// isLokis tells that a refusal can be Loki's: that has a text and its type. A TLS
// server that is spoken to in plain text answers 400 without a type.
func (a *reply) isLokis() bool {
	return a.text != "" && a.header.Get("Content-Type") != ""
}

// isLimited tells that a 400 is about a rate limit in part. The entries over the
// limit come among those that are refused for good when Loki does not shard
// streams, and then the last entry decides about the status.
func (a *reply) isLimited() bool {
	if a.status != http.StatusBadRequest {
		return false
	}
	said, all := verdicts(a.text)
	return all && (said[0].reason == reasonStreamRate || said[0].reason == reasonStreams || said[0].ingester != nil && said[0].ingester.limited)
}

// cure is a hint at what to mend.
func (a *reply) cure() string {
	switch {
	case a.status == http.StatusUnauthorized:
		return " (check the user name and password, or the token, and tenant-id)"
	case a.status == http.StatusForbidden:
		return " (check what the user or token may do)"
	case a.status == http.StatusProxyAuthRequired:
		return " (check the user and the password in proxy-url)"
	case a.status == http.StatusNotFound:
		return " (check loki-url; without a path " + PushPath + " is added)"
	case a.status/100 == 3:
		return fmt.Sprintf(" (it redirects to %q: set loki-url to where that leads)", redact.URL(a.header.Get("Location")))
	case a.status == statusBlocked:
		return " (Loki's operator has blocked ingestion)"
	case plainOnTLS.MatchString(a.text):
		return " (it speaks TLS there: begin loki-url with https://)"
	default:
		return " (that is not Loki's own answer: check loki-url and its path, and what is between)"
	}
}

// plainOnTLS is what servers answer that expected TLS: Go's, nginx, Apache.
var plainOnTLS = regexp.MustCompile(`(?i)HTTP request (?:was sent )?to (?:an )?HTTPS (?:server|port)|speaking plain HTTP to an SSL-enabled server`)

// Brief is as much of what a receiver says as is shown.
func Brief(text string) string {
	const limit = 500
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// RetryAfter is how long an answer asks to be left alone; 0 where it does not.
func (a *Answer) RetryAfter() time.Duration {
	return retryAfter(a.Header.Get("Retry-After"), time.Now())
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
