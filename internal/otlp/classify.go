package otlp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/internal/redact"
)

// protobuf is the type of requests, and of the answers to them.
const protobuf = "application/x-protobuf"

// answer is what came back of a request.
type answer struct {
	*loki.Answer
	secrets *redact.Scrubber
}

// refusedReason is the one reason for a refusal that OTLP knows.
const refusedReason = "refused"

// classify says what an answer means for the batch's entries. own tells whether it is in the
// words of OTLP, which no other server has.
func (a *answer) classify(b *logs.Batch) (out logs.Outcome, own bool) {
	err, wait := a.err(), a.RetryAfter()
	switch {
	case loki.IsPage(a.Status, a.Header, string(a.Body)):
		return a.misconfigured(), false
	case a.Status/100 == 2:
		return a.taken(b)
	case a.Status == http.StatusRequestEntityTooLarge, a.Status == http.StatusBadRequest && a.isProtobuf() && strings.Contains(a.said(), bodyTooLarge):
		return logs.Outcome{Kind: logs.TooLarge, Err: err}, false
	case (a.Status == http.StatusTooManyRequests || a.Status/100 == 5) && loki.LargeForGRPC(a.said()):
		return logs.Outcome{Kind: logs.TooLarge, Err: err}, false
	case a.Status == http.StatusTooManyRequests:
		return logs.Outcome{Kind: logs.Retry, Err: err, RetryAfter: wait, RateLimited: true}, true
	case a.Status == http.StatusRequestTimeout, a.Status/100 == 5:
		// OTLP would give up after some of these, and no line is worth that.
		return logs.Outcome{
			Kind: logs.Retry, Err: err, RetryAfter: wait,
			TimedOut: a.Status == http.StatusRequestTimeout || a.Status == http.StatusGatewayTimeout,
		}, false
	case a.Status == http.StatusBadRequest || a.Status == http.StatusUnprocessableEntity:
		// Nothing of a request that is answered so was taken, and there is no word for which
		// of its entries is the reason.
		return logs.Outcome{Kind: logs.Refused, Err: err}, a.isProtobuf()
	default:
		return a.misconfigured(), false
	}
}

// taken reads the answer to a request that was taken, be it in part. Nothing may stand there
// but what OTLP has: a check of health answers 200 to anything, too.
func (a *answer) taken(b *logs.Batch) (logs.Outcome, bool) {
	rejected, message, own, is := a.accepted()
	if !is {
		return a.misconfigured(), false
	}
	if rejected <= 0 || b.Entries == 0 {
		return logs.Outcome{Kind: logs.Accepted}, own // a message alone is a warning
	}
	message = loki.Brief(a.secrets.Scrub(message))
	r := logs.Reject{Reason: refusedReason, Count: int(min(rejected, int64(b.Entries))), Message: message}
	if g := b.Groups[0]; len(b.Groups) == 1 {
		r.Container, r.ID = g.Labels.Container(), g.Container
	}
	err := &loki.AnswerError{Status: a.Status, Text: message, By: receiver}
	return logs.Outcome{Kind: logs.Refused, Err: err, Exact: true, Rejects: []logs.Reject{r}}, true
}

// accepted reads what stands behind a 2xx: how many records were rejected, and why. own tells
// that it is in words that only OTLP has, and is that it can be the answer of a receiver.
func (a *answer) accepted() (rejected int64, message string, own, is bool) {
	if a.isProtobuf() {
		rejected, message, is = partialSuccess(a.Body)
		return rejected, message, is, is
	}
	body := bytes.TrimSpace(a.Body)
	if len(body) == 0 {
		return 0, "", false, true // as Loki answers
	}
	var said struct {
		PartialSuccess *struct {
			RejectedLogRecords json.RawMessage `json:"rejectedLogRecords"`
			ErrorMessage       string          `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if body[0] != '{' || strict.Decode(&said) != nil || strict.More() {
		return 0, "", false, false
	}
	if said.PartialSuccess == nil {
		return 0, "", false, true
	}
	if text := strings.Trim(string(said.PartialSuccess.RejectedLogRecords), `"`); text != "" && text != "null" {
		n, err := strconv.ParseInt(text, 10, 64) // JSON of protobuf has it as a text
		if err != nil {
			return 0, "", false, false
		}
		rejected = n
	}
	return rejected, said.PartialSuccess.ErrorMessage, true, true
}

// bodyTooLarge is in the Collector's answer to a request beyond its max_request_body_size.
const bodyTooLarge = "request body too large"

// said is the text of an answer.
func (a *answer) said() string {
	const message = 2 // of google.rpc.Status
	if a.isProtobuf() {
		return textOf(a.Body, message)
	}
	// Loki writes one without its type, which is then guessed from the bytes.
	if kind := a.kind(); kind == "" || kind == "application/octet-stream" || kind == "text/plain" {
		if text := textOf(a.Body, message); text != "" && utf8.ValidString(text) {
			return text
		}
	}
	return string(a.Body)
}

// err is the answer as an error.
func (a *answer) err() error {
	return &loki.AnswerError{Status: a.Status, Text: loki.Brief(a.secrets.Scrub(strings.TrimSpace(a.said()))), By: receiver}
}

func (a *answer) misconfigured() logs.Outcome {
	return logs.Outcome{Kind: logs.Retry, Misconfigured: true, Err: fmt.Errorf("%w%s", a.err(), a.cure()), RetryAfter: a.RetryAfter()}
}

// cure is a hint at what to mend.
func (a *answer) cure() string {
	switch {
	case a.Status == http.StatusUnauthorized:
		return " (check the user name and password, or the token)"
	case a.Status == http.StatusForbidden:
		return " (check what the user or token may do)"
	case a.Status == http.StatusProxyAuthRequired:
		return " (check the user and the password in proxy-url)"
	case a.Status == http.StatusNotFound, a.Status == http.StatusMethodNotAllowed:
		return " (check otlp-url; without a path " + Path + " is added)"
	case a.Status == http.StatusUnsupportedMediaType:
		return " (it does not take protobuf: lighterman sends OTLP over HTTP as protobuf, with gzip)"
	case a.Status/100 == 3:
		return fmt.Sprintf(" (it redirects to %q: set otlp-url to where that leads)", redact.URL(a.Header.Get("Location")))
	default:
		return " (that is not the answer of a receiver of OTLP over HTTP: check otlp-url and its path, and what is between; a port for gRPC, such as 4317, is not meant)"
	}
}

// kind is the type of an answer, without what follows it.
func (a *answer) kind() string {
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func (a *answer) isProtobuf() bool {
	kind := a.kind()
	return kind == protobuf || kind == "application/protobuf"
}

// partialSuccess reads ExportLogsServiceResponse: how many records were rejected, and why. whole
// tells that it is one, to its end.
func partialSuccess(body []byte) (rejected int64, message string, whole bool) {
	const partial, number, text = 1, 1, 2
	whole = eachField(body, func(field protowire.Number, _ uint64, content []byte) {
		if field != partial || content == nil {
			return
		}
		eachField(content, func(field protowire.Number, n uint64, content []byte) {
			switch {
			case field == number && content == nil:
				rejected = int64(n) //nolint:gosec // the protocol's int64
			case field == text && content != nil:
				message = string(content)
			}
		})
	})
	return rejected, message, whole
}

// textOf is the last text that a message has in a field.
func textOf(body []byte, of protowire.Number) (text string) {
	eachField(body, func(field protowire.Number, _ uint64, content []byte) {
		if field == of && content != nil {
			text = string(content)
		}
	})
	return text
}

// eachField goes through the fields of a message that are numbers or have a length, up to
// where it is damaged, and reports whether it is whole. content is nil for a number.
func eachField(body []byte, f func(field protowire.Number, n uint64, content []byte)) (whole bool) {
	for len(body) > 0 {
		field, kind, size := protowire.ConsumeTag(body)
		if size < 0 {
			return false
		}
		body = body[size:]
		switch kind {
		case protowire.VarintType:
			n, size := protowire.ConsumeVarint(body)
			if size < 0 {
				return false
			}
			f(field, n, nil)
			body = body[size:]
		case protowire.BytesType:
			content, size := protowire.ConsumeBytes(body)
			if size < 0 {
				return false
			}
			f(field, 0, content[:len(content):len(content)])
			body = body[size:]
		default:
			size := protowire.ConsumeFieldValue(field, kind, body)
			if size < 0 {
				return false
			}
			body = body[size:]
		}
	}
	return true
}
