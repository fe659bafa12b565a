package dockerproxy

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy passes on to an engine. It may be used by several goroutines.
type Proxy struct {
	// Host is what --docker-host is to be.
	Host string

	mu      sync.Mutex // guards the fields below
	urls    []string
	streams map[*stream]bool
	sent    map[string][]Sent
	search  time.Duration
	offered string // the version of the API that it offers; empty for the engine's
}

// New starts a proxy before the engine at host, "unix:///path", until the test
// ends.
func New(t testing.TB, host string) *Proxy {
	t.Helper()
	socket, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		t.Fatalf("cannot reach the engine at %q: not a socket", host)
	}
	dir, err := os.MkdirTemp("", "lmp") // short: the name of a socket is limited
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatalf("cannot listen: %v", err)
	}
	p := &Proxy{Host: "unix://" + path, streams: map[*stream]bool{}, sent: map[string][]Sent{}}
	transport := &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	quiet := log.New(io.Discard, "", 0)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "docker"})
	forward.Transport, forward.FlushInterval, forward.ErrorLog = transport, -1, quiet
	forward.ModifyResponse = p.answered
	// An engine that is down answers nothing, and neither does the proxy.
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	server := &http.Server{ErrorLog: quiet, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.urls = append(p.urls, r.URL.String())
		p.mu.Unlock()
		forward.ServeHTTP(w, r)
	})}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close() // clients that have not left have to
		p.Cut()
		<-gone
		transport.CloseIdleConnections()
		_ = os.RemoveAll(dir)
	})
	return p
}

// answered takes hold of log streams. An answer that does not follow is a look at
// the end of the log: what is in there, the streams need not have brought.
func (p *Proxy) answered(r *http.Response) error {
	p.mu.Lock()
	if p.offered != "" && r.Header.Get("Api-Version") != "" {
		r.Header.Set("Api-Version", p.offered)
	}
	p.mu.Unlock()
	id, isLog := container(r.Request.URL.Path)
	if !isLog || r.StatusCode != http.StatusOK || r.Request.URL.Query().Get("follow") != "1" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &stream{ReadCloser: r.Body, proxy: p, id: id, since: nano(r.Request.URL.Query().Get("since")), left: r.Request.Context().Done(), search: p.search}
	p.streams[s] = true
	r.Body = s
	return nil
}

// nano returns a time as the API has it, "1136073845.000000001", in Unix nanoseconds; 0 for none.
func nano(text string) int64 {
	seconds, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(seconds+(fraction + "000000000")[:9], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// container returns the container whose log a path is: /v1.41/containers/ID/logs.
func container(path string) (id string, ok bool) {
	rest, ok := strings.CutSuffix(path, "/logs")
	return filepath.Base(rest), ok
}

// Cut breaks all log streams in the middle and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.streams)
	for s := range p.streams {
		_ = s.ReadCloser.Close() // the reverse proxy aborts when it cannot read on
	}
	clear(p.streams)
	return n
}

// Stall makes all log streams that are open fall silent, without an end, until
// the client leaves. It returns how many there were.
func (p *Proxy) Stall() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.streams {
		s.silent.Store(true)
	}
	return len(p.streams)
}

// Search makes log streams that are opened from then on bring nothing
// for a while at first, as the engine does when the log is long.
func (p *Proxy) Search(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.search = d
}

// Offer has the engine offer another version of its API than its newest.
func (p *Proxy) Offer(version string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offered = version
}

// Streams returns how many log streams are open.
func (p *Proxy) Streams() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.streams)
}

// Requests counts the requests so far whose path and query have a part.
func (p *Proxy) Requests(part string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, url := range p.urls {
		if strings.Contains(url, part) {
			n++
		}
	}
	return n
}

// Sent is the body of a log stream as the engine sent it.
type Sent struct {
	Body []byte
	// Sure is how much of it has arrived. When the client leaves, what came within
	// the last moment may not have: only then is it less than all.
	Sure int
	// Since is the time that was asked for, in Unix nanoseconds; 0 for all.
	Since int64
}

// moment is how long what is sent may be on its way.
const moment = 2 * time.Second

// Sent returns the bodies of a container's log streams in the order of their ends.
func (p *Proxy) Sent(id string) []Sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent[id])
}

// stream is the body of a log.
type stream struct {
	io.ReadCloser
	proxy *Proxy
	id    string
	since int64
	left  <-chan struct{} // closed when the client has left
	once  sync.Once
	// body and parts, what it consists of, belong to the goroutine that reads.
	body  []byte
	parts []part
	// search is how long the next read waits.
	search time.Duration
	// silent tells that what comes is kept back.
	silent atomic.Bool
}

// part is where a part of a body ends, and when it came.
type part struct {
	end int
	at  time.Time
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if s.search > 0 {
		select {
		case <-time.After(s.search):
		case <-s.left:
		}
		s.search = 0
	}
	n, err := s.ReadCloser.Read(p)
	if s.silent.Load() {
		<-s.left
		n, err = 0, io.ErrUnexpectedEOF
	}
	if n > 0 {
		s.body = append(s.body, p[:n]...)
		s.parts = append(s.parts, part{end: len(s.body), at: time.Now()})
	}
	if err != nil {
		s.ended(errors.Is(err, io.EOF))
	}
	return n, err
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.ended(false)
	return s.ReadCloser.Close()
}

// ended keeps what was sent. In order tells that the engine has ended it.
func (s *stream) ended(inOrder bool) {
	s.once.Do(func() {
		sent := Sent{Body: s.body, Sure: len(s.body), Since: s.since}
		if !inOrder {
			sent.Sure = s.arrived()
		}
		s.proxy.mu.Lock()
		defer s.proxy.mu.Unlock()
		delete(s.proxy.streams, s)
		s.proxy.sent[s.id] = append(s.proxy.sent[s.id], sent)
	})
}

// arrived is how much was sent more than a moment ago.
func (s *stream) arrived() (n int) {
	before := time.Now().Add(-moment)
	for _, p := range s.parts {
		if p.at.Before(before) {
			n = p.end
		}
	}
	return n
}
