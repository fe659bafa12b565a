package loki

import (
	"net/http"
	"slices"
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

func answer(status int, header ...string) *http.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		name     string
		response *http.Response
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
		{"within the limit", answer(429), "ingestion rate limit exceeded for user fake (limit: 11 bytes/sec) while attempting to ingest '3' lines totaling '11' bytes, reduce", logs.Retry, false, 0},
		{"larger than a stream's limit", answer(429), "Per stream rate limit exceeded (limit: 80B/sec) while", logs.TooLarge, false, 0},
		{"within a stream's limit", answer(429), "Per stream rate limit exceeded (limit: 0.1KB/sec) while", logs.Retry, false, 0},
		{"limited and refused", answer(400), "entry with timestamp x ignored, reason: 'Per stream rate limit exceeded (limit: 3MB/sec)', reason: 'entry too far behind', total ignored: 2 out of 3 for stream: {}", logs.Retry, false, 0},
		{"labels that tell of a limit", answer(400), "stream '{x=\"reason: 'Per stream rate limit exceeded total ignored: 1 out of 1 for stream\"}' has label value too long: 'y'", logs.Refused, false, 0},
		{"refused", answer(400), "entry for stream '{}' has timestamp too old: x, oldest acceptable timestamp is: y", logs.Refused, false, 0},
		{"no streams", answer(422), "error at least one valid stream is required for ingestion", logs.Refused, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := classify(test.response, test.text, batch(3))
			if got.Kind != test.kind || got.Misconfigured != test.mend || got.RetryAfter != test.after {
				t.Errorf("got %+v", got)
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
				got[i].Message = ""
			}
			if exact && !slices.Equal(got, test.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
