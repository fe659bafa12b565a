package loki

import (
	"fmt"
	"net/http"
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
	case status/100 == 2:
		return logs.Outcome{Kind: logs.Accepted}
	case status == http.StatusRequestEntityTooLarge:
		return logs.Outcome{Kind: logs.TooLarge, Err: err}
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status/100 == 5:
		return logs.Outcome{Kind: logs.Retry, Err: err, RetryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now())}
	case (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) && !isPage(response, text):
		rejects, exact := refused(text, b)
		return logs.Outcome{Kind: logs.Refused, Err: err, Rejects: rejects, Exact: exact}
	default:
		return logs.Outcome{Kind: logs.Retry, Misconfigured: true, Err: fmt.Errorf("%w%s", err, cure(response))}
	}
}

// isPage tells that an answer is a web page: it is then not Loki's, but that of
// something in between, and says nothing of the entries.
func isPage(response *http.Response, text string) bool {
	return strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || strings.HasPrefix(text, "<")
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
		return fmt.Sprintf(" (it redirects to %q: use that URL)", response.Header.Get("Location"))
	default:
		return " (check the URL)"
	}
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
	// errorsLike counts what the distributor refused, one count per text.
	errorsLike = regexp.MustCompile(`(?:^|; )(\d+) errors like: `)
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

// wholeStream are the reasons that Loki counts once for a stream, however many
// entries it has.
func wholeStream(reason string) bool { return reason == "labels" || reason == "refused" }

// refused says which entries a 400 speaks of. It is not exact when the answer
// does not tell, or tells of one stream among several: then the batch has to be
// sent again in parts.
func refused(text string, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	container := ""
	if len(b.Groups) == 1 {
		container = b.Groups[0].Labels.Get("container")
	}
	if m := ignoredText.FindStringSubmatch(text); m != nil {
		ignored, _ := strconv.Atoi(m[1]) // digits, by the expression
		reached, _ := strconv.Atoi(m[2])
		if len(b.Groups) != 1 || ignored > reached || reached > b.Entries {
			return nil, false
		}
		// What did not reach the ingester, the distributor had refused before.
		count := ignored + b.Entries - reached
		return []logs.Reject{{Container: container, Reason: reasonOf(text), Count: count, Message: brief(text)}}, true
	}
	return grouped(text, container, b)
}

// grouped reads the distributor's answer: one error, or several with counts.
func grouped(text, container string, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	total := 0
	for _, e := range split400(text) {
		reason := reasonOf(e.text)
		if wholeStream(reason) {
			if len(b.Groups) != 1 || (reason == "refused" && b.Entries != 1) {
				return nil, false
			}
			e.count = b.Entries
		}
		name := container
		if m := containerOf.FindStringSubmatch(e.text); m != nil {
			name = m[1]
		}
		total += e.count
		rejects = append(rejects, logs.Reject{Container: name, Reason: reason, Count: e.count, Message: brief(e.text)})
	}
	return rejects, total > 0 && total <= b.Entries
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
