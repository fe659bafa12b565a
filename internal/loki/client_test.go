package loki

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestPush(t *testing.T) {
	s := newServer(t, nil)
	c := newClient(t, s.URL, func(c *Config) { c.Tenant = "team" })
	web := logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"container_id": "abc"})
	var b logs.Batch
	b.Add(web, logs.Entry{Time: 1_700_000_000_000_000_001, Line: []byte("one")})
	b.Add(web, logs.Entry{Time: 1_700_000_000_000_000_002, Line: []byte("zwei 🚢"), Stream: logs.Stderr})
	accepted(t, c.Push(t.Context(), &b))
	want := `{container="web", stream="stdout"}
1700000000.000000001 "one" container_id=abc
{container="web", stream="stderr"}
1700000000.000000002 "zwei 🚢" container_id=abc
`
	if s.bodies[0] != want {
		t.Errorf("got\n%s\nwant\n%s", s.bodies[0], want)
	}
	r := s.last(t)
	for name, want := range map[string]string{
		"Content-Type": "application/x-protobuf", "User-Agent": "lighterman/test", "X-Scope-Orgid": "team",
		"Content-Encoding": "", "Accept-Encoding": "", "Authorization": "", "Transfer-Encoding": "",
	} {
		if got := strings.Join(r.Header.Values(name), ","); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if r.Method != http.MethodPost || r.URL.Path != PushPath || r.ContentLength <= 0 {
		t.Errorf("%s %s with %d bytes", r.Method, r.URL.Path, r.ContentLength)
	}
}

func TestPath(t *testing.T) {
	s := newServer(t, nil)
	for suffix, want := range map[string]string{"": PushPath, "/": PushPath, "/gateway/push?x=1": "/gateway/push?x=1"} {
		accepted(t, newClient(t, s.URL+suffix, nil).Push(t.Context(), batch(1)))
		r := s.last(t)
		if got := r.URL.String(); got != want {
			t.Errorf("%q: got %q, want %q", suffix, got, want)
		}
		if len(r.Header.Values("X-Scope-Orgid")) > 0 {
			t.Error("a tenant is sent that was not asked for")
		}
	}
}

func TestKeepAlive(t *testing.T) {
	var conns atomic.Int32
	s := newUnstarted(t, nil)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	c := newClient(t, s.URL, nil)
	for range 100 {
		accepted(t, c.Push(t.Context(), batch(3)))
	}
	// The transport gives a connection up when it learns 50 ms later than the
	// answer that the request is written, as on a busy machine.
	if n := conns.Load(); n > 3 {
		t.Errorf("%d connections for 100 pushes", n)
	}
}

// TestIdleConnectionClosed: a server may close an idle connection in the moment
// that it is used again; that costs no attempt.
func TestIdleConnectionClosed(t *testing.T) {
	var requests atomic.Int32
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c := newClient(t, s.URL, nil)
	accepted(t, c.Push(t.Context(), batch(1)))
	accepted(t, c.Push(t.Context(), batch(2)))
	if len(s.bodies) != 3 || s.bodies[1] != s.bodies[2] {
		t.Errorf("got %q", s.bodies)
	}
	if got := s.last(t).Header.Values("Idempotency-Key"); got != nil {
		t.Errorf("a key is sent: %q", got)
	}
}

func TestProxy(t *testing.T) {
	proxy := newServer(t, nil) // sees the whole URL in the request line
	c := newClient(t, "http://loki.invalid:3100", func(c *Config) {
		c.Proxy = address(t, strings.Replace(proxy.URL, "://", "://user:hush@", 1))
	})
	accepted(t, c.Push(t.Context(), batch(1)))
	r := proxy.last(t)
	if got := r.URL.String(); got != "http://loki.invalid:3100"+PushPath {
		t.Errorf("got %q", got)
	}
	if got := r.Header.Get("Proxy-Authorization"); got != "Basic dXNlcjpodXNo" {
		t.Errorf("proxy authorization %q", got)
	}
}

func TestRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		s := newServer(t, says(status, "", "Location", "https://user:hush@loki.example/push?token=hush"))
		retried(t, newClient(t, s.URL, nil).Push(t.Context(), batch(1)), true, fmt.Sprint(status), "https://loki.example")
		if len(s.requests) != 1 {
			t.Errorf("%d requests", len(s.requests))
		}
	}
}

// stalled is a server that takes a push and does not answer.
func stalled(t *testing.T) (s *server, arrived chan struct{}) {
	arrived = make(chan struct{}, 1)
	s = newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	return s, arrived
}

func TestTimeout(t *testing.T) {
	s, _ := stalled(t)
	c := newClient(t, s.URL, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	retried(t, c.Push(t.Context(), batch(1)), false, "cannot push to Loki", "exceeded")
}

func TestCancelled(t *testing.T) {
	s, arrived := stalled(t)
	c := newClient(t, s.URL, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	retried(t, c.Push(ctx, batch(1)), false, "canceled")
}

func TestConnectionRefused(t *testing.T) {
	s := newServer(t, nil)
	s.Close()
	retried(t, newClient(t, s.URL, nil).Push(t.Context(), batch(1)), false, "cannot push to Loki", "refused")
}

func TestAnswerCut(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("timestamp too old"))
	})
	retried(t, newClient(t, s.URL, nil).Push(t.Context(), batch(1)), false, "cannot read Loki's answer")
}

// TestHugeAnswer: it is read up to a bound, and counts in a text that is cut say
// nothing.
func TestHugeAnswer(t *testing.T) {
	one := `1 errors like: entry for stream '{container="a"}' has timestamp too old: x, oldest acceptable timestamp is: y; `
	sent := make(chan int, 1)
	s := newServer(t, nil)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusBadRequest)
		part, total := []byte(strings.Repeat(one, 1000)), 0
		for range 1000 {
			n, err := w.Write(part)
			if total += n; err != nil {
				break
			}
		}
		sent <- total
	})
	out := newClient(t, s.URL, nil).Push(t.Context(), batch(100_000))
	if out.Kind != logs.Refused || out.Exact || out.Rejects != nil || len(out.Err.Error()) > 1000 {
		t.Errorf("got %.1000v", out)
	}
	if n := <-sent; n > 50<<20 {
		t.Errorf("%d bytes were read", n)
	}
}

func TestProbe(t *testing.T) {
	for _, test := range []struct {
		name string
		says http.HandlerFunc
		kind logs.OutcomeKind
		mend bool
	}{
		{"Loki 3", says(422, "error at least one valid stream is required for ingestion", "Content-Type", "text/plain"), logs.Accepted, false},
		{"Loki 2", says(204, ""), logs.Accepted, false},
		{"another service", says(400, "bad request", "Content-Type", "text/plain"), logs.Retry, true},
		{"a page", says(200, "<html>", "Content-Type", "text/html"), logs.Retry, true},
		{"a stranger", says(401, "no org id"), logs.Retry, true},
		{"away", says(503, ""), logs.Retry, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newClient(t, newServer(t, test.says).URL, nil).Probe(t.Context())
			if out.Kind != test.kind || out.Misconfigured != test.mend {
				t.Errorf("got %+v", out)
			}
		})
	}
}

// TestBufferReuse: a server may answer before it has read the push, and the
// transport then still reads the body. The race detector sees whether its memory
// is used again too early.
func TestBufferReuse(t *testing.T) {
	s := newServer(t, nil)
	s.Config.Handler = says(http.StatusServiceUnavailable, "busy")
	c := newClient(t, s.URL, nil)
	noise := make([]byte, 4<<20)
	_, _ = rand.Read(noise)
	var b logs.Batch
	b.Add(logs.NewLabels(map[string]string{"container": "a"}, nil), logs.Entry{Line: noise})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 10 {
				if out := c.Push(t.Context(), &b); out.Kind != logs.Retry {
					t.Errorf("got %+v", out)
				}
			}
		})
	}
	group.Wait()
}

// TestBufferIsReleased when the push and the body are done with it, not before.
func TestBufferIsReleased(t *testing.T) {
	c := newClient(t, "http://loki.invalid", nil)
	buf := c.encode(batch(1), "")
	body := buf.open()
	buf.release()
	if n := buf.users.Load(); n != 1 {
		t.Fatalf("%d users while the body is open", n)
	}
	_ = body.Close()
	_ = body.Close() // the transport may close twice
	if n := buf.users.Load(); n != 0 {
		t.Errorf("%d users at the end", n)
	}
}

// TestReused proves by the transport's own word what TestKeepAlive counts.
func TestReused(t *testing.T) {
	s := newServer(t, says(http.StatusBadRequest, strings.Repeat("x", 10_000), "Content-Type", "text/plain"))
	c := newClient(t, s.URL, nil)
	var reused []bool
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { reused = append(reused, info.Reused) },
	})
	for range 3 {
		c.Push(ctx, batch(1))
	}
	if len(reused) != 3 || !reused[1] && !reused[2] { // see TestKeepAlive
		t.Errorf("got %v", reused)
	}
}
