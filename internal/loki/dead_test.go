package loki

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// wire passes bytes on, until all that was connected before goes dead without a word, as
// with a firewall that has forgotten it: nothing is passed on any more, nor closed.
type wire struct {
	net.Listener
	to    string
	made  atomic.Int32
	mu    sync.Mutex // guards dead, which is closed when those that are connected die
	dead  chan struct{}
	conns sync.WaitGroup
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to, dead: make(chan struct{})}
	ended, end := context.WithCancel(t.Context())
	w.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.made.Add(1)
			w.mu.Lock()
			dead := w.dead
			w.mu.Unlock()
			w.conns.Go(func() { w.pass(ended, conn, dead) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); end(); w.conns.Wait() })
	return w
}

// die makes dead what is connected now.
func (w *wire) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.dead)
	w.dead = make(chan struct{})
}

func (w *wire) pass(ended context.Context, conn net.Conn, dead chan struct{}) {
	other, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = conn.Close()
		return
	}
	defer func() { _, _ = conn.Close(), other.Close() }()
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			select {
			case <-dead:
				<-ended.Done()
				return
			default:
			}
			if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
				_, _ = conn.Close(), other.Close()
				return
			}
		}
	}
	stop := context.AfterFunc(ended, func() { _, _ = conn.Close(), other.Close() })
	defer stop()
	both.Go(func() { carry(conn, other) })
	both.Go(func() { carry(other, conn) })
	both.Wait()
}

// TestD8DeadConnections are given up after about one push-timeout, all of them, whatever is
// spoken and also through a proxy.
func TestD8DeadConnections(t *testing.T) {
	const timeout = time.Second
	for name, set := range map[string]func(t *testing.T, one, two *server, c *Config) *wire{
		"HTTP/2": func(t *testing.T, _, two *server, c *Config) *wire {
			w := newWire(t, two.Listener.Addr().String())
			c.URL = address(t, "https://"+w.Addr().String())
			return w
		},
		"HTTP/1.1": func(t *testing.T, one, _ *server, c *Config) *wire {
			w := newWire(t, one.Listener.Addr().String())
			c.URL = address(t, "https://"+w.Addr().String())
			return w
		},
		"HTTP/2 through a proxy": func(t *testing.T, _, two *server, c *Config) *wire {
			proxy := newUnstarted(t, nil)
			proxy.Config.Handler = http.HandlerFunc(tunnel)
			proxy.Start()
			w := newWire(t, proxy.Listener.Addr().String())
			c.URL, c.Proxy = address(t, "https://"+two.Listener.Addr().String()), address(t, "http://"+w.Addr().String())
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			ca := newAuthority(t)
			one := ca.serve(t, nil)
			two := newUnstarted(t, nil)
			two.EnableHTTP2 = true
			two.TLS = &tls.Config{Certificates: one.TLS.Certificates, MinVersion: tls.VersionTLS12}
			two.StartTLS()
			var w *wire
			c := newClient(t, two.URL, func(c *Config) {
				c.TLS.CAFile, c.Timeout = ca.file("ca.pem"), timeout
				w = set(t, one, two, c)
			})
			var pushes sync.WaitGroup
			for range 8 { // several connections, where there are
				pushes.Go(func() { accepted(t, c.Push(t.Context(), batch(3))) })
			}
			pushes.Wait()
			before := w.made.Load()
			w.die()
			began := time.Now()
			for {
				out := c.Push(t.Context(), batch(3))
				if out.Kind == logs.Accepted {
					break
				}
				if since := time.Since(began); since > 3*timeout {
					t.Fatalf("still dead after %v: %v", since, out.Err)
				}
			}
			if took := time.Since(began); took > 2*timeout {
				t.Errorf("it took %v", took)
			}
			if w.made.Load() == before {
				t.Error("nothing was connected again")
			}
		})
	}
}

// tunnel answers CONNECT.
func tunnel(w http.ResponseWriter, r *http.Request) {
	there, err := net.Dial("tcp", r.Host)
	if err != nil || r.Method != http.MethodConnect {
		http.Error(w, "no", http.StatusBadGateway)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(here, there); _, _ = here.Close(), there.Close() })
	both.Go(func() { _, _ = io.Copy(there, here); _, _ = here.Close(), there.Close() })
	both.Wait()
}

// TestP6WrongScheme: what speaks TLS, and what does not, is told apart, with the cure.
func TestP6WrongScheme(t *testing.T) {
	ca := newAuthority(t)
	s := ca.serve(t, nil)
	plain := newServer(t, nil)
	retried(t, newClient(t, strings.Replace(plain.URL, "http", "https", 1), nil).Push(t.Context(), batch(3)), true, "begin loki-url with http://")
	retried(t, newClient(t, s.URL, nil).Push(t.Context(), batch(3)), true, "tls-ca-file")
	cured := false
	for range 10 { // the server may close before it has read all, and its word is lost then
		out := newClient(t, strings.Replace(s.URL, "https", "http", 1), nil).Push(t.Context(), batch(1))
		cured = cured || out.Misconfigured && strings.Contains(out.Err.Error(), "begin loki-url with https://")
	}
	if !cured {
		t.Error("no cure for http to a TLS port")
	}
	nginx := newServer(t, says(400, "<html><center><h1>400 Bad Request</h1></center><center>The plain HTTP request was sent to HTTPS port</center></html>", "Content-Type", "text/html"))
	retried(t, newClient(t, nginx.URL, nil).Push(t.Context(), batch(3)), true, "begin loki-url with https://")
	named := ca.serve(t, nil, "loki.example")
	retried(t, newClient(t, named.URL, func(c *Config) { c.TLS.CAFile = ca.file("ca.pem") }).Push(t.Context(), batch(3)), true, "tls-server-name")
}
