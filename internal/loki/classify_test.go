package loki

import (
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

func batch(groups ...int) *logs.Batch {
	b := &logs.Batch{}
	for i, n := range groups {
		labels := logs.NewLabels(map[string]string{"container": string(rune('a' + i))}, nil)
		for j := range n {
			b.Add(labels, logs.Entry{Time: int64(j), Line: []byte("x")})
		}
	}
	return b
}

func answer(status int, header ...string) *reply {
	r := &reply{status: status, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
	for i := 0; i < len(header); i += 2 {
		r.header.Set(header[i], header[i+1])
	}
	return r
}

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		name     string
		response *reply
		text     string
		kind     logs.OutcomeKind
		mend     bool
		after    time.Duration
	}{
		{"accepted", answer(204), "", logs.Accepted, false, 0},
		{"accepted too", answer(200), "", logs.Accepted, false, 0},
		{"limited", answer(429, "Retry-After", "7"), "ingestion rate limit exceeded", logs.Retry, false, 7 * time.Second},
		{"limited without a time", answer(429), "", logs.Retry, false, 0},
		{"limited with nonsense", answer(429, "Retry-After", "-5 soon"), "", logs.Retry, false, 0},
		{"unavailable", answer(503), "", logs.Retry, false, 0},
		{"broken", answer(500), "", logs.Retry, false, 0},
		{"too large", answer(413), "", logs.TooLarge, false, 0},
		{"unauthorised", answer(401), "", logs.Retry, true, 0},
		{"forbidden", answer(403), "", logs.Retry, true, 0},
		{"not found", answer(404), "404 page not found", logs.Retry, true, 0},
		{"moved", answer(301, "Location", "https://loki"), "", logs.Retry, true, 0},
		{"a proxy's page", answer(400, "Content-Type", "text/html"), "<html>The plain HTTP request was sent to HTTPS port</html>", logs.Retry, true, 0},
		{"a page that is no error", answer(200, "Content-Type", "text/html"), "<html>Sign in</html>", logs.Retry, true, 0},
		{"a proxy's page about Loki", answer(503, "Content-Type", "text/html"), "<html>", logs.Retry, false, 0},
		{"a TLS server", answer(400, "Content-Type", ""), "Client sent an HTTP request to an HTTPS server.", logs.Retry, true, 0},
		{"no word", answer(400), "", logs.Retry, true, 0},
		{"blocked", answer(260), "ingestion blocked for user 'fake' until '2030-01-01T00:00:00Z' with status code '260'", logs.Retry, true, 0},
		{"too large within Loki", answer(500), "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5000000 vs. 4194304)", logs.TooLarge, false, 0},
		{"larger than the limit", answer(429), "ingestion rate limit exceeded for user fake (limit: 10 bytes/sec) while attempting to ingest '3' lines totaling '11' bytes, reduce", logs.TooLarge, false, 0},
		{"larger than the limit of Loki 2.9", answer(429), "Ingestion rate limit exceeded for user fake (limit: 10 bytes/sec) while attempting to ingest '3' lines totaling '11' bytes, reduce", logs.TooLarge, false, 0},
		{"within the limit", answer(429), "ingestion rate limit exceeded for user fake (limit: 11 bytes/sec) while attempting to ingest '3' lines totaling '11' bytes, reduce", logs.Retry, false, 0},
		{"larger than a stream's limit", answer(429), "Per stream rate limit exceeded (limit: 80B/sec) while", logs.TooLarge, false, 0},
		{"within a stream's limit", answer(429), "Per stream rate limit exceeded (limit: 0.1KB/sec) while", logs.Retry, false, 0},
		{"limited and refused", answer(400), "entry with timestamp x ignored, reason: 'Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '{container=\"a\"}' totaling 1B, consider',\nentry with timestamp x ignored, reason: 'entry too far behind',\nuser 'fake', total ignored: 2 out of 3 for stream: {}", logs.Retry, false, 0},
		{"labels that tell of a limit", answer(400), "stream '{x=\"reason: 'Per stream rate limit exceeded total ignored: 1 out of 1 for stream\"}' has label value too long: 'y'", logs.Refused, false, 0},
		{"refused", answer(400), "entry for stream '{}' has timestamp too old: x, oldest acceptable timestamp is: y", logs.Refused, false, 0},
		{"no streams", answer(422), "error at least one valid stream is required for ingestion", logs.Refused, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.response.text = test.text
			got, _ := classify(test.response, batch(3))
			if got.Kind != test.kind || got.Misconfigured != test.mend || got.RetryAfter != test.after {
				t.Errorf("got %+v", got)
			}
			var said *AnswerError
			if got.Err != nil && (!errors.As(got.Err, &said) || said.Text != test.text || test.text != "" && strings.Contains(said.Brief(), test.text)) {
				t.Errorf("what was answered cannot be told from our own words: %v", got.Err)
			}
			if (got.Err == nil) != (got.Kind == logs.Accepted) {
				t.Errorf("error %v", got.Err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	const (
		old     = `entry for stream '{container="a", host="h"}' has timestamp too old: 2020, oldest acceptable timestamp is: 2021`
		long    = `max entry size '262144' bytes exceeded for stream '{container="b"}' while adding an entry with length '300000' bytes`
		behind  = "entry with timestamp 2026 ignored, reason: 'entry too far behind, entry timestamp is: x, oldest acceptable timestamp is: 1970-01-01T00:00:01Z',\n"
		newer   = "entry with timestamp 1969 ignored, reason: 'entry too far behind, entry timestamp is: x, oldest acceptable timestamp is: 1969-12-31T23:59:00Z',\n"
		total   = `user 'fake', total ignored: 2 out of 3 for stream: {container="a"}`
		labels  = `stream '{container="a", service_name="a", stream="stdout"}' has label value too long: 'zzz'`
		hostile = `stream '{container="a", x="entry too far behind total ignored: 1 out of 7 for stream"}' has label value too long: 'timestamp too old'`
		others  = `stream '{container="c", stream="stdout"}' has label value too long: 'zzz'`
	)
	for _, test := range []struct {
		name  string
		text  string
		batch *logs.Batch
		want  []logs.Reject
		exact bool
	}{
		{"one entry", old, batch(5), []logs.Reject{{Container: "a", Reason: "too_old", Count: 1}}, true},
		{"many texts, many streams", "2 errors like: " + old + "; 1 errors like: " + long, batch(5, 3),
			[]logs.Reject{{Container: "a", Reason: "too_old", Count: 2}, {Container: "b", Reason: "line_too_long", Count: 1}}, true},
		{"an ingester, one stream", behind + behind + total, batch(3), []logs.Reject{{Container: "a", Reason: "too_far_behind", Count: 2}}, true},
		{"an ingester after the distributor, or a shard", behind + behind + total, batch(5), nil, false},
		{"an ingester with entries over the rate limit that it does not show", newer + newer + total, batch(3), nil, false},
		{"an ingester, several streams", behind + behind + total, batch(3, 3), nil, false},
		{"a whole stream", labels, batch(7), []logs.Reject{{Container: "a", Reason: "labels", Count: 7}}, true},
		{"a whole stream among others", labels, batch(7, 1), []logs.Reject{{Container: "a", Reason: "labels", Count: 7}}, true},
		{"a whole stream and a line of another", "1 errors like: " + long + "; 1 errors like: " + labels, batch(7, 2),
			[]logs.Reject{{Container: "b", Reason: "line_too_long", Count: 1}, {Container: "a", Reason: "labels", Count: 7}}, true},
		{"labels like an answer", hostile, batch(7), []logs.Reject{{Container: "a", Reason: "labels", Count: 7}}, true},
		{"a stream that was not sent", others, batch(7, 1), nil, false},
		{"not known", "bad request", batch(2), nil, false},
		{"not known, one entry", "bad request", batch(1), []logs.Reject{{Container: "a", Reason: "refused", Count: 1}}, true},
		{"more than was sent", "9 errors like: " + old, batch(2), nil, false},
		{"nonsense", behind + "total ignored: 9 out of 3 for stream: {}", batch(3), nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, exact := refused(test.text, test.batch)
			if exact != test.exact {
				t.Fatalf("exact %v: %+v", exact, got)
			}
			for i := range got {
				if whole := got[i].Reason == reasonLabels; whole != (len(got[i].Streams) > 0) {
					t.Errorf("%q has the streams %v", got[i].Reason, got[i].Streams)
				}
				got[i].Message, got[i].Streams = "", nil
			}
			if exact && !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestLimited: which stream an answer is about, and in how many parts its entries
// can be taken.
func TestLimited(t *testing.T) {
	const (
		rate    = `entry with timestamp 2026 ignored, reason: 'Per stream rate limit exceeded (limit: 50B/sec) while attempting to ingest for stream '{container="b", service_name="b", stream="stdout"}' totaling 1B',` + "\n"
		total   = `user 'fake', total ignored: 3 out of 3 for stream: {__stream_shard__="1", container="b", service_name="b", stream="stdout"}`
		streams = `maximum active stream limit exceeded when trying to create stream {container="a", stream="stdout"}, reduce the number`
		tenant  = "ingestion rate limit exceeded for user fake (limit: 10 bytes/sec) while attempting to ingest '9' lines totaling '35' bytes, reduce"
	)
	for name, test := range map[string]struct {
		text    string
		kind    logs.OutcomeKind
		group   int
		limited bool
		parts   int
	}{
		"a stream's rate":      {rate + total, logs.TooLarge, 1, true, 2},
		"streams":              {streams, logs.Retry, 0, false, 0},
		"an unknown stream":    {"maximum active stream limit exceeded when trying to create stream {x=\"y\"}", logs.Retry, 2, false, 0},
		"the tenant's rate":    {tenant, logs.TooLarge, -1, true, 4},
		"a tenant without any": {"ingestion rate limit exceeded for user fake (limit: 0 bytes/sec) while attempting to ingest '9' lines totaling '35' bytes, reduce", logs.Retry, -1, true, 0},
		"something in between": {"slow down", logs.Retry, -1, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := batch(3, 3, 3)
			out := classified(answer(429), test.text, b)
			var want *logs.Group
			if test.group >= 0 {
				want = b.Groups[test.group]
			}
			if out.Kind != test.kind || out.Group != want || out.RateLimited != test.limited || out.Parts != test.parts {
				t.Errorf("got %+v", out)
			}
		})
	}
}

func TestExample(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600_000_007, time.UTC)
	b := &logs.Batch{}
	for i, text := range []string{"x", "long line", "y"} {
		b.Add(logs.NewLabels(map[string]string{"container": "a"}, nil), logs.Entry{Time: at.UnixNano() + int64(i)*1e9, Line: []byte(text)})
	}
	for name, test := range map[string]struct {
		text string
		want time.Time
	}{
		"an ingester's":         {"entry with timestamp 2026-01-02 03:04:06.600000007 +0000 UTC ignored, reason: 'entry out of order',\ntotal ignored: 1 out of 1", at.Add(time.Second)},
		"in whole seconds":      {"entry for stream '{}' has timestamp too old: 2026-01-02T03:04:07Z, oldest acceptable timestamp is: x", at.Add(2 * time.Second)},
		"too new":               {"entry for stream '{}' has timestamp too new: 2026-01-02T03:04:07Z", at.Add(2 * time.Second)},
		"not of the batch":      {"entry for stream '{}' has timestamp too new: 2020-01-02T03:04:07Z", time.Date(2020, 1, 2, 3, 4, 7, 0, time.UTC)},
		"by length":             {"max entry size '5' bytes exceeded for stream '{}' while adding an entry with length '9' bytes", at.Add(time.Second)},
		"nothing named":         {"stream '{}' has label value too long: 'x'", at},
		"a timestamp in labels": {"stream '{x=\"has timestamp too old: nonsense\"}' has label value too long: 'has timestamp too old: nonsense'", at},
	} {
		t.Run(name, func(t *testing.T) {
			said, all := verdicts(test.text)
			if !all || len(said) != 1 {
				t.Fatalf("not understood: %+v", said)
			}
			if got := example(&said[0], b.Groups); got != test.want.UnixNano() {
				t.Errorf("got %v", time.Unix(0, got).UTC())
			}
		})
	}
	if got := example(&verdict{}, nil); got != 0 {
		t.Errorf("got %d of nothing", got)
	}
}

// TestAnswersToNothing: the probe pushes nothing, and whatever is answered then
// speaks of no entry.
func TestAnswersToNothing(t *testing.T) {
	for _, c := range []struct {
		status int
		text   string
	}{
		{400, "entry with timestamp 2026-01-01 00:00:00 +0000 UTC ignored, reason: 'x',\nuser 'fake', total ignored: 1 out of 1 for stream: {a=\"b\"}"},
		{400, "entry with timestamp 2026 ignored, reason: 'Per stream rate limit exceeded (limit: 3MB/sec)',\nuser 'fake', total ignored: 1 out of 1 for stream: {a=\"b\"}"},
		{400, "1 errors like: stream '{a=\"b\"}' has label value too long: 'x'"},
		{429, "Per stream rate limit exceeded (limit: 3MB/sec)"},
		{429, "maximum active stream limit exceeded when trying to create stream {a=\"b\"}"},
		{429, "ingestion rate limit exceeded for user fake (limit: 10 bytes/sec) while attempting to ingest '3' lines totaling '11' bytes"},
		{413, "too large"},
	} {
		out := classified(answer(c.status, "Content-Type", "text/plain"), c.text, &logs.Batch{})
		if out.Kind == logs.Accepted || out.Exact || out.Group != nil {
			t.Errorf("%d %s: %+v", c.status, c.text, out)
		}
	}
}

// TestPaceOf: what is within a limit comes with the time that the limit takes to let
// as much through.
func TestPaceOf(t *testing.T) {
	b := &logs.Batch{}
	b.Add(logs.NewLabels(map[string]string{"container": "a"}, nil), logs.Entry{Time: 1, Line: bytes.Repeat([]byte("x"), 1000)})
	const size = 1000 + logs.EntryOverhead
	for text, want := range map[string]time.Duration{
		"Per stream rate limit exceeded (limit: 2KB/sec) while": time.Second * size / 2048,
		"Per stream rate limit exceeded (limit: 1B/sec) while":  10 * time.Second,
		"Per stream rate limit exceeded (limit: 0B/sec) while":  0,
		"ingestion rate limit exceeded for user fake (limit: 2000 bytes/sec) while attempting to ingest '1' lines totaling '1000' bytes, reduce it": time.Second / 2,
	} {
		out := limited(text, b)
		if out.Kind != logs.Retry || !out.RateLimited || (out.Pace-want).Abs() > time.Microsecond {
			t.Errorf("%s: %+v, want a pace of %v", text, out, want)
		}
	}
}

// TestOldTexts: what Loki 2.9 and 3.0 say with other words than the one that the tests
// of package outcomes run against.
func TestOldTexts(t *testing.T) {
	for _, text := range []string{
		"Maximum active stream limit exceeded, reduce the number of active streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, user: 'fake'",
		`Maximum active stream limit exceeded when trying to create stream {container="b"}, reduce the number of active streams`,
		`maximum active stream limit exceeded when trying to create stream {container="b"}, reduce the number of active streams`,
	} {
		b := batch(2, 2)
		if out := classified(answer(429), text, b); out.Kind != logs.Retry || out.Group != b.Groups[1] {
			t.Errorf("%q: %+v", text, out)
		}
	}
	for text, want := range map[string]string{
		"Max entry size '10' bytes exceeded for stream '{container=\"a\"}' while adding an entry with length '11' bytes": "line_too_long",
		"max entry size '10' bytes exceeded for stream '{container=\"a\"}' while adding an entry with length '11' bytes": "line_too_long",
	} {
		if rejects, exact := refused(text, batch(1)); !exact || len(rejects) != 1 || rejects[0].Reason != want {
			t.Errorf("%q: %+v, exact: %v", text, rejects, exact)
		}
	}
}

func classified(a *reply, text string, b *logs.Batch) logs.Outcome {
	a.text = text
	out, _ := classify(a, b)
	return out
}
