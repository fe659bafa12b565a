package dockerproxy

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
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
	paths   []string
	streams map[*stream]bool
	sent    map[string][][]byte
	search  time.Duration
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
	p := &Proxy{Host: "unix://" + path, streams: map[*stream]bool{}, sent: map[string][][]byte{}}
	transport := &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	quiet := log.New(io.Discard, "", 0)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "docker"})
	forward.Transport, forward.FlushInterval, forward.ErrorLog = transport, -1, quiet
	forward.ModifyResponse = p.answered
	server := &http.Server{ErrorLog: quiet, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.paths = append(p.paths, r.URL.Path)
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

// answered takes hold of log streams.
func (p *Proxy) answered(r *http.Response) error {
	id, isLog := container(r.Request.URL.Path)
	if !isLog || r.StatusCode != http.StatusOK {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &stream{ReadCloser: r.Body, proxy: p, id: id, left: r.Request.Context().Done()}
	if r.Request.URL.Query().Get("follow") == "1" {
		s.search = p.search
	}
	p.streams[s] = true
	r.Body = s
	return nil
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

// Search makes log streams that are opened from then on and that follow bring
// nothing for a while at first, as the engine does when the log is long.
func (p *Proxy) Search(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.search = d
}

// Streams returns how many log streams are open.
func (p *Proxy) Streams() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.streams)
}

// Requests counts the requests so far whose path has a part.
func (p *Proxy) Requests(part string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, path := range p.paths {
		if strings.Contains(path, part) {
			n++
		}
	}
	return n
}

// Sent returns the bodies of a container's log streams as the engine sent them,
// in the order of their ends.
func (p *Proxy) Sent(id string) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([][]byte(nil), p.sent[id]...)
}

// stream is the body of a log.
type stream struct {
	io.ReadCloser
	proxy *Proxy
	id    string
	left  <-chan struct{} // closed when the client has left
	body  bytes.Buffer    // belongs to the goroutine that reads
	once  sync.Once
	// search is how long the next read waits.
	search time.Duration
	// silent tells that what comes is kept back.
	silent atomic.Bool
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
	s.body.Write(p[:n])
	if err != nil {
		s.ended()
	}
	return n, err
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.ended()
	return s.ReadCloser.Close()
}

// ended keeps what was sent.
func (s *stream) ended() {
	s.once.Do(func() {
		s.proxy.mu.Lock()
		defer s.proxy.mu.Unlock()
		delete(s.proxy.streams, s)
		s.proxy.sent[s.id] = append(s.proxy.sent[s.id], s.body.Bytes())
	})
}
