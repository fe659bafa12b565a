package lokiproxy

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Answer is how a request ended: an HTTP status, or one of the constants.
type Answer int

const (
	// Cut means that Loki has taken the request, and that the connection was
	// cut before its answer.
	Cut Answer = -1 - iota
	// Silence means that the request was accepted and not answered.
	Silence
	// Reset means that the connection was reset before the request was read.
	Reset
)

// Request is what the proxy has seen of a request.
type Request struct {
	At     time.Time
	Answer Answer
	// Body is a hash of the body where Status has answered, so that what is sent again shows.
	Body uint64
}

// Proxy is a server that passes on to a Loki, or misbehaves. It may be used by
// several goroutines. What is set holds for requests that arrive afterwards.
type Proxy struct {
	// URL is the proxy's own address.
	URL string

	forward http.Handler
	done    chan struct{} // closed at the end of the test

	mu       sync.Mutex // guards the fields below
	fault    fault
	summing  bool // bodies
	tap      func(body []byte)
	requests []Request
}

// fault does something to one request and says how it ended.
type fault func(p *Proxy, w http.ResponseWriter, r *http.Request) Answer

// New starts a proxy that passes on to target, "http://127.0.0.1:3100", until
// the test ends. The target need not be there yet.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatalf("cannot read the address of Loki: %v", err)
	}
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatalf("cannot listen: %v", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, ResponseHeaderTimeout: 5 * time.Minute}
	forward := httputil.NewSingleHostReverseProxy(to)
	// An error is answered with 502, and need not be logged.
	forward.Transport, forward.ErrorLog = transport, log.New(io.Discard, "", 0)
	p := &Proxy{URL: fmt.Sprintf("http://%s", listener.Addr()), forward: forward, done: make(chan struct{}), fault: pass}
	server := &http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		close(p.done)
		_ = server.Close()
		<-gone
		transport.CloseIdleConnections()
	})
	return p
}

// Pass passes requests on, as at the beginning.
func (p *Proxy) Pass() { p.set(pass) }

// Status answers with a status instead of passing on, with a Retry-After header
// in whole seconds unless that is 0.
func (p *Proxy) Status(code int, retryAfter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.summing, p.fault = true, func(_ *Proxy, w http.ResponseWriter, _ *http.Request) Answer {
		if retryAfter > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(int(retryAfter.Seconds())))
		}
		http.Error(w, http.StatusText(code), code)
		return Answer(code)
	}
}

// TooLarge answers 413 to bodies above a size in bytes and passes the others on,
// as a gateway with a limit does.
func (p *Proxy) TooLarge(limit int64) {
	p.set(func(p *Proxy, w http.ResponseWriter, r *http.Request) Answer {
		if r.ContentLength <= limit {
			return pass(p, w, r)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return http.StatusRequestEntityTooLarge
	})
}

// Slow waits before it passes a request on. A client that leaves before that has
// not reached Loki.
func (p *Proxy) Slow(delay time.Duration) {
	p.set(func(p *Proxy, w http.ResponseWriter, r *http.Request) Answer {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			return pass(p, w, r)
		case <-r.Context().Done():
		case <-p.done:
		}
		return Silence
	})
}

// Swallow passes requests on and cuts the connection instead of answering: Loki
// has stored what the client must believe lost.
func (p *Proxy) Swallow() {
	p.set(func(p *Proxy, w http.ResponseWriter, r *http.Request) Answer {
		p.forward.ServeHTTP(&nobody{header: http.Header{}}, r)
		cut(w)
		return Cut
	})
}

// HalfOpen accepts connections and requests and never answers, also not after
// another fault was set: the client has to give up.
func (p *Proxy) HalfOpen() {
	p.set(func(p *Proxy, _ http.ResponseWriter, r *http.Request) Answer {
		// Only a body read to its end lets the server notice that the client
		// has gone.
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-p.done:
		}
		return Silence
	})
}

// Refuse resets every connection that a request comes on.
func (p *Proxy) Refuse() {
	p.set(func(_ *Proxy, w http.ResponseWriter, _ *http.Request) Answer {
		cut(w)
		return Reset
	})
}

// Requests returns what has been seen, in order of the ends.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.requests...)
}

// Count returns how many requests have ended with an answer.
func (p *Proxy) Count(a Answer) (n int) {
	for _, r := range p.Requests() {
		if r.Answer == a {
			n++
		}
	}
	return n
}

// Tap makes f see the body of every push that Loki accepts, one after another, in
// the order of the answers.
func (p *Proxy) Tap(f func(body []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tap = f
}

func (p *Proxy) set(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.summing = f, false
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	p.mu.Lock()
	f, tap, summing := p.fault, p.tap, p.summing
	p.mu.Unlock()
	var body []byte
	seen := Request{At: at}
	if tap != nil || summing {
		body, _ = io.ReadAll(r.Body) // what is missing then, Loki misses too
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if summing {
		sum := fnv.New64a()
		_, _ = sum.Write(body)
		seen.Body = sum.Sum64()
	}
	seen.Answer = f(p, w, r)
	p.mu.Lock()
	defer p.mu.Unlock()
	if tap != nil && seen.Answer == http.StatusNoContent {
		tap(body)
	}
	p.requests = append(p.requests, seen)
}

func pass(p *Proxy, w http.ResponseWriter, r *http.Request) Answer {
	told := &status{ResponseWriter: w, code: http.StatusOK}
	p.forward.ServeHTTP(told, r)
	return Answer(told.code)
}

// cut resets the connection of a request.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset instead of an orderly end
	}
	_ = conn.Close()
}

// status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// nobody is a client that does not hear the answer.
type nobody struct{ header http.Header }

// Header implements http.ResponseWriter.
func (n *nobody) Header() http.Header { return n.header }

// Write implements http.ResponseWriter.
func (n *nobody) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (n *nobody) WriteHeader(int) {}
