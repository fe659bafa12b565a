package otlp

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
)

// server is a receiver that notes what it gets and answers what answer does: an empty
// success where that is nil.
type server struct {
	*httptest.Server

	mu       sync.Mutex // guards the fields below
	answer   http.HandlerFunc
	requests []*http.Request
	records  []record
}

func newServer(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(unpacked)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.records = append(s.records, decode(t, body)...)
		answer := s.answer
		s.mu.Unlock()
		if answer == nil || len(body) == 0 {
			answer = says(200, protobuf, "")
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) answers(a http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = a
}

func says(status int, kind, text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// partialAnswer is an ExportLogsServiceResponse with a partial success.
func partialAnswer(rejected int, message string) string {
	partial := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(rejected))
	return string(appendMessage(nil, 1, appendText(partial, 2, message)))
}

// statusAnswer is a google.rpc.Status.
func statusAnswer(message string) string {
	code := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 3)
	return string(appendText(code, 2, message))
}

func newClient(t *testing.T, target string, change func(*loki.Config)) *Client {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	config := loki.Config{URL: u, Timeout: 10 * time.Second, UserAgent: "lighterman/test"}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// batch has a number of entries of each of some containers.
func batch(entries int, containers ...string) *logs.Batch {
	b := &logs.Batch{}
	for _, name := range containers {
		labels := logs.NewLabels(map[string]string{"container": name}, map[string]string{"container_id": name + "-id"})
		for i := range entries {
			b.Add(labels, logs.Entry{Time: int64(i + 1), Line: []byte("line")})
		}
	}
	for _, g := range b.Groups {
		g.Container = g.Labels.Container() + "-id"
	}
	return b
}

// TestRequest: what a push looks like, and that the path of an address is kept.
func TestRequest(t *testing.T) {
	s := newServer(t)
	for path, want := range map[string]string{"": "/v1/logs", "/": "/v1/logs", "/otlp/v1/logs": "/otlp/v1/logs"} {
		c := newClient(t, s.URL+path, func(config *loki.Config) {
			config.Tenant, config.Username, config.Password = "team-a", "user", "hush"
		})
		if out := c.Push(t.Context(), batch(2, "web")); out.Kind != logs.Accepted || out.Err != nil {
			t.Fatalf("got %+v", out)
		}
		r := s.requests[len(s.requests)-1]
		if user, password, _ := r.BasicAuth(); r.URL.Path != want || r.Header.Get("Content-Type") != protobuf || r.Header.Get("Content-Encoding") != "gzip" ||
			r.Header.Get("X-Scope-OrgID") != "team-a" || user != "user" || password != "hush" || r.Header.Get("User-Agent") != "lighterman/test" {
			t.Errorf("got %s %v", r.URL, r.Header)
		}
	}
	if len(s.records) != 6 || s.records[0].body != "line" || s.records[0].attributes["container_id"] != "web-id" {
		t.Errorf("got\n%s", shown(s.records))
	}
}

// TestAnswers: what each answer means for the entries.
func TestAnswers(t *testing.T) {
	s := newServer(t)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   logs.Outcome // without its error
		words  []string
	}{
		"taken":             {says(200, protobuf, ""), logs.Outcome{}, nil},
		"taken with a word": {says(200, protobuf, partialAnswer(0, "careful")), logs.Outcome{}, nil},
		"taken by another":  {says(204, "", ""), logs.Outcome{}, nil},
		"JSON":              {says(200, "application/json", "{}"), logs.Outcome{}, nil},
		"a page":            {says(200, "text/html", "<html>"), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, []string{"otlp-url"}},
		"too many":          {says(429, "text/plain", "slow down", "Retry-After", "7"), logs.Outcome{Kind: logs.Retry, RateLimited: true, RetryAfter: 7 * time.Second}, []string{"429", "slow down"}},
		"not now":           {says(503, protobuf, statusAnswer("queue is full"), "Retry-After", "30"), logs.Outcome{Kind: logs.Retry, RetryAfter: 30 * time.Second}, []string{"queue is full"}},
		"a proxy":           {says(502, "text/html", "<html>"), logs.Outcome{Kind: logs.Retry}, []string{"502"}},
		"too slow":          {says(504, "text/plain", ""), logs.Outcome{Kind: logs.Retry, TimedOut: true}, nil},
		"an error":          {says(500, protobuf, statusAnswer("no")), logs.Outcome{Kind: logs.Retry}, []string{"500"}},
		"too large":         {says(413, "text/html", "<html>"), logs.Outcome{Kind: logs.TooLarge}, nil},
		"the Collector's":   {says(400, protobuf, statusAnswer("http: request body too large")), logs.Outcome{Kind: logs.TooLarge}, nil},
		"refused":           {says(400, protobuf, statusAnswer("bad data")), logs.Outcome{Kind: logs.Refused}, []string{"bad data"}},
		"the wrong path":    {says(404, "text/plain", "404 page not found"), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, []string{"check otlp-url"}},
		"no password":       {says(401, "text/plain", ""), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, []string{"password"}},
		"elsewhere":         {says(301, "text/plain", "", "Location", "https://other/v1/logs"), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, []string{"https://other\""}},
		"JSON only":         {says(415, "text/plain", ""), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, []string{"protobuf"}},
		// An empty push is taken in the words of OTLP: so it is about the entries.
		"other words":   {says(400, "text/plain", "Bad Request"), logs.Outcome{Kind: logs.Refused}, []string{"Bad Request"}},
		"health":        {says(200, "application/json", `{"status":"Server available"}`), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, []string{"check otlp-url"}},
		"OK":            {says(200, "text/plain", "OK"), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, []string{"check otlp-url"}},
		"a hidden page": {says(200, "text/plain", "\n<html>"), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, []string{"check otlp-url"}},
		"damaged":       {says(200, protobuf, "\x0a\x7f"), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, nil},
		"more JSON":     {says(200, "application/json", "{}{}"), logs.Outcome{Kind: logs.Retry, Misconfigured: true}, nil},
		"JSON's number": {says(200, "application/json", `{"partialSuccess":{"rejectedLogRecords":"5","errorMessage":"old"}}`), logs.Outcome{Kind: logs.Refused, Exact: true}, []string{"old"}},
		"JSON's none":   {says(200, "application/json", `{"partialSuccess":{}}`), logs.Outcome{}, nil},
		"another type":  {says(200, "application/protobuf", partialAnswer(2, "old")), logs.Outcome{Kind: logs.Refused, Exact: true}, []string{"old"}},
		"behind it":     {says(503, "application/octet-stream", statusAnswer("rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5 vs. 4)")), logs.Outcome{Kind: logs.TooLarge}, nil},
		"it is quoted":  {says(503, protobuf, statusAnswer(`entry "message larger than max" is late`)), logs.Outcome{Kind: logs.Retry}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s.answers(c.answer)
			out := newClient(t, s.URL, nil).Push(t.Context(), batch(3, "a", "b"))
			said := ""
			if out.Err != nil {
				said = out.Err.Error()
			}
			for _, w := range c.words {
				if !strings.Contains(said, w) {
					t.Errorf("%q is missing: %s", w, said)
				}
			}
			if (out.Err == nil) != (c.want.Kind == logs.Accepted) || strings.Contains(said, "Loki") {
				t.Errorf("error: %v", out.Err)
			}
			if out.Kind != c.want.Kind || out.Misconfigured != c.want.Misconfigured || out.Unproven != c.want.Unproven || out.RateLimited != c.want.RateLimited ||
				out.RetryAfter != c.want.RetryAfter || out.TimedOut != c.want.TimedOut || out.Exact != c.want.Exact {
				t.Errorf("got %+v", out)
			}
		})
	}
}

// TestPartial: records that were rejected are counted, never more than there were, and with
// their container where there is only one.
func TestPartial(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s.URL, func(config *loki.Config) { config.BearerToken = "hush-hush" })
	for _, of := range []struct {
		rejected, count int
		containers      []string
		id              string
	}{{2, 2, []string{"a"}, "a-id"}, {2, 2, []string{"a", "b"}, ""}, {1000, 6, []string{"a", "b"}, ""}} {
		s.answers(says(200, protobuf+"; charset=utf-8", partialAnswer(of.rejected, "too old; token hush-hush")))
		out := c.Push(t.Context(), batch(3, of.containers...))
		if out.Kind != logs.Refused || !out.Exact || len(out.Rejects) != 1 {
			t.Fatalf("got %+v", out)
		}
		r := out.Rejects[0]
		if r.Count != of.count || r.ID != of.id || r.Reason != "refused" || !strings.HasPrefix(r.Message, "too old") || strings.Contains(r.Message, "hush") {
			t.Errorf("got %+v", r)
		}
	}
}

// TestDoubt: a 400 in no words of OTLP's costs a line only where something was accepted
// before, and a receiver still answers.
func TestDoubt(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s.URL, nil)
	if out := c.Push(t.Context(), batch(1, "a")); out.Kind != logs.Accepted {
		t.Fatalf("got %+v", out)
	}
	s.answers(says(400, "text/plain", "cannot parse"))
	if out := c.Push(t.Context(), batch(1, "a")); out.Kind != logs.Refused {
		t.Errorf("got %+v", out)
	}
	other := httptest.NewServer(says(400, "text/plain", "The plain HTTP request was sent to HTTPS port"))
	defer other.Close()
	c = newClient(t, other.URL, nil)
	c.proven.Store(true)
	if out := c.Push(t.Context(), batch(1, "a")); out.Kind != logs.Retry || !out.Misconfigured || out.Unproven {
		t.Errorf("got %+v", out)
	}
}

// TestDoubtOfAll: where a push of nothing is refused as well, it is not about the entries, in
// whatever words: nothing is given up.
func TestDoubtOfAll(t *testing.T) {
	for _, answer := range []http.HandlerFunc{
		says(400, protobuf, statusAnswer("unsupported Content-Encoding: gzip")),
		says(400, "text/plain", "Bad Request"),
	} {
		other := httptest.NewServer(answer)
		for _, proven := range []bool{false, true} {
			c := newClient(t, other.URL, nil)
			c.proven.Store(proven)
			if out := c.Push(t.Context(), batch(3, "a")); out.Kind != logs.Retry || !out.Misconfigured || out.Unproven == proven {
				t.Errorf("proven %t: got %+v", proven, out)
			}
			if out := c.Probe(t.Context()); out.Kind != logs.Retry || !out.Misconfigured {
				t.Errorf("probe: got %+v", out)
			}
		}
		other.Close()
	}
}

// TestDamagedRequest: the last entry of those that are refused is sent once more, as its
// request may have come damaged.
func TestDamagedRequest(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s.URL, nil)
	var pushes atomic.Int64
	s.answers(func(w http.ResponseWriter, r *http.Request) {
		if pushes.Add(1) == 1 {
			says(400, protobuf, statusAnswer("unexpected EOF"))(w, r)
			return
		}
		says(200, protobuf, "")(w, r)
	})
	if out := c.Push(t.Context(), batch(1, "a")); out.Kind != logs.Accepted || pushes.Load() != 2 {
		t.Errorf("%d pushes, got %+v", pushes.Load(), out)
	}
	s.answers(says(400, protobuf, statusAnswer("bad data")))
	if out := c.Push(t.Context(), batch(1, "a")); out.Kind != logs.Refused {
		t.Errorf("got %+v", out)
	}
}

// TestOfLoki: a Loki wants one stream at least, and says so without a type.
func TestOfLoki(t *testing.T) {
	const none = "error at least one valid stream is required for ingestion"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		if text, _ := io.ReadAll(body); len(text) > 0 {
			says(400, "application/octet-stream", statusAnswer("entry is too old"))(w, r)
			return
		}
		says(422, "application/octet-stream", statusAnswer(none))(w, r)
	}))
	t.Cleanup(s.Close)
	c := newClient(t, s.URL, nil)
	if out := c.Probe(t.Context()); out.Kind != logs.Accepted {
		t.Errorf("got %+v", out)
	}
	if out := c.Push(t.Context(), batch(2, "a")); out.Kind != logs.Refused || !strings.Contains(out.Err.Error(), "entry is too old") || strings.ContainsAny(out.Err.Error(), "\x08\x12") {
		t.Errorf("got %+v", out)
	}
}

// TestLargeMetadata: a batch that would take much memory is divided, and not sent.
func TestLargeMetadata(t *testing.T) {
	s := newServer(t)
	b := &logs.Batch{}
	labels := logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"a": strings.Repeat("x", 2000), "b": strings.Repeat("x", 2000)})
	for i := range 10_000 {
		b.Add(labels, logs.Entry{Time: int64(i)})
	}
	if out := newClient(t, s.URL, nil).Push(t.Context(), b); out.Kind != logs.TooLarge || len(s.requests) != 0 {
		t.Errorf("%d requests, got %+v", len(s.requests), out)
	}
}

// TestProbe: a receiver takes a push of nothing, and no other server does.
func TestProbe(t *testing.T) {
	s := newServer(t)
	if out := newClient(t, s.URL, nil).Probe(t.Context()); out.Kind != logs.Accepted {
		t.Errorf("got %+v", out)
	}
	for name, answer := range map[string]http.HandlerFunc{"400": says(400, "text/plain", "no"), "404": says(404, "text/plain", ""), "413": says(413, "text/plain", "")} {
		other := httptest.NewServer(answer)
		if out := newClient(t, other.URL, nil).Probe(t.Context()); out.Kind != logs.Retry || !out.Misconfigured {
			t.Errorf("%s: got %+v", name, out)
		}
		other.Close()
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	out := newClient(t, gone.URL, nil).Probe(t.Context())
	if out.Kind != logs.Retry || !out.Unreachable || out.Err == nil || strings.Contains(out.Err.Error(), "Loki") {
		t.Errorf("got %+v", out)
	}
}
