package loki

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
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
	case status == http.StatusTooManyRequests && b.Entries > 1 && exceeds(text, b):
		return logs.Outcome{Kind: logs.TooLarge, Err: err}
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status/100 == 5, isLimited(status, text):
		return logs.Outcome{Kind: logs.Retry, Err: err, RetryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now())}
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
	return status == http.StatusBadRequest && strings.Contains(text, "Per stream rate limit exceeded")
}

var (
	ingestionLimit = regexp.MustCompile(`ingestion rate limit exceeded for user .* \(limit: (\d+) bytes/sec\) while attempting to ingest '\d+' lines totaling '(\d+)' bytes`)
	streamLimit    = regexp.MustCompile(`Per stream rate limit exceeded \(limit: ([\d.]+)([KMG]?)B/sec\)`)
)

// exceeds tells that a batch is larger than a rate limit allows within a second.
// It may be larger than the limit's burst, which the answer does not tell, and
// would then never be taken as it is. Smaller parts do no harm if it is not.
func exceeds(text string, b *logs.Batch) bool {
	if m := ingestionLimit.FindStringSubmatch(text); m != nil {
		limit, _ := strconv.Atoi(m[1]) // digits, by the expression
		total, _ := strconv.Atoi(m[2])
		return total > limit
	}
	m := streamLimit.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	limit, err := strconv.ParseFloat(m[1], 64)
	return err == nil && float64(b.Bytes) > limit*map[string]float64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[m[2]]
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

var (
	// ignoredText ends the answer when an ingester refused entries of a
	// stream. It speaks of one stream only, whatever happened to others.
	ignoredText = regexp.MustCompile(`total ignored: (\d+) out of (\d+) for stream`)
	// cutoffText gives the time before which an ingester refuses entries.
	cutoffText = regexp.MustCompile(`too far behind, entry timestamp is: \S+, oldest acceptable timestamp is: ([^\s']+)`)
	// errorsLike counts what the distributor refused, one count per text.
	errorsLike = regexp.MustCompile(`(?:^|; )(\d+) errors like: `)
	// serviceName is the label that Loki adds to streams without it.
	serviceName = regexp.MustCompile(`service_name="(?:[^"\\]|\\.)*", `)
	// containerOf finds the container's name within a stream's labels.
	containerOf = regexp.MustCompile(`container="((?:[^"\\]|\\.)*)"`)
)

// reasons maps what Loki's texts contain to short constant words.
var reasons = []struct{ text, reason string }{
	{"too far behind", "too_far_behind"},
	{"out of order", "out_of_order"},
	{"timestamp too old", "too_old"},
	{"timestamp too new", "too_new"},
	{"max entry size", "line_too_long"},
	{"structured metadata", "structured_metadata"},
	{"label name too long", "labels"},
	{"label value too long", "labels"},
	{"duplicate label name", "labels"},
	{"label names; limit", "labels"},
	{"parsing labels", "labels"},
	{"at least one label", "labels"},
	{"missing required labels", "labels"},
}

func reasonOf(text string) string {
	for _, r := range reasons {
		if strings.Contains(text, r.text) {
			return r.reason
		}
	}
	return "refused"
}

// refused says which entries a 400 speaks of. It is not exact when the answer
// does not tell, or tells of one stream among several: then the batch has to be
// sent again in parts.
func refused(text string, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	if m := ignoredText.FindStringSubmatch(text); m != nil {
		ignored, _ := strconv.Atoi(m[1]) // digits, by the expression
		reached, _ := strconv.Atoi(m[2])
		// Entries that did not reach the stream were refused before, or went
		// to another shard of it.
		if len(b.Groups) != 1 || reached != b.Entries || ignored > mostBehind(text, b.Groups[0]) {
			return nil, false
		}
		return []logs.Reject{{Container: nameOf(b.Groups[0]), Reason: reasonOf(text), Count: ignored, Message: brief(text)}}, true
	}
	return grouped(text, b)
}

// mostBehind is the number of entries that can be too far behind. Loki counts
// those over the stream's rate limit with them, and its text shows only the first
// few. The time in it has whole seconds.
func mostBehind(text string, g *logs.Group) (count int) {
	m := cutoffText.FindStringSubmatch(text)
	if m == nil {
		return g.Len()
	}
	cutoff, err := time.Parse(time.RFC3339, m[1])
	if err != nil {
		return g.Len()
	}
	for _, at := range g.Times {
		if at < cutoff.UnixNano()+1e9 {
			count++
		}
	}
	return count
}

// grouped reads the distributor's answer: one error, or several with counts.
func grouped(text string, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	total := 0
	for _, e := range split400(text) {
		r := logs.Reject{Reason: reasonOf(e.text), Count: e.count, Message: brief(e.text)}
		switch {
		case r.Reason == "labels":
			if r.Container, r.Count = streamsIn(e, b); r.Count == 0 {
				return nil, false
			}
		case r.Reason == "refused" && b.Entries != 1:
			return nil, false
		case len(b.Groups) == 1:
			r.Container = nameOf(b.Groups[0])
		default:
			r.Container = containerIn(e.text)
		}
		total += r.Count
		rejects = append(rejects, r)
	}
	return rejects, total > 0 && total <= b.Entries
}

// streamsIn counts the entries of the streams that an error about labels speaks
// of: Loki counts it once for a stream, however many entries that has. It finds
// none when it is not clear which streams are meant.
func streamsIn(e countedError, b *logs.Batch) (container string, entries int) {
	streams := 0
	without := serviceName.ReplaceAllString(e.text, "")
	for _, g := range b.Groups {
		name := "'" + streamLabels(g.Labels, g.Stream) + "'"
		if len(b.Groups) == 1 || strings.Contains(e.text, name) || strings.Contains(without, name) {
			container = nameOf(g)
			entries += g.Len()
			streams++
		}
	}
	if streams != e.count {
		return "", 0
	}
	return container, entries
}

func nameOf(g *logs.Group) string { return g.Labels.Get("container") }

func containerIn(text string) string {
	if m := containerOf.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

type countedError struct {
	text  string
	count int
}

// split400 takes "2 errors like: A; 1 errors like: B" apart; a single error
// comes without a count.
func split400(text string) (out []countedError) {
	marks := errorsLike.FindAllStringSubmatchIndex(text, -1)
	if len(marks) == 0 || marks[0][0] != 0 {
		return []countedError{{text, 1}}
	}
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		count, err := strconv.Atoi(text[m[2]:m[3]])
		if err != nil {
			return []countedError{{text, 1}}
		}
		out = append(out, countedError{text[m[1]:end], count})
	}
	return out
}
