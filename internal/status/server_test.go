package status

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestReadiness(t *testing.T) {
	s := server()
	var engine, loop atomic.Pointer[error]
	check := func(p *atomic.Pointer[error]) func() error {
		return func() error {
			if err := p.Load(); err != nil {
				return *err
			}
			return nil
		}
	}
	why := errors.New("cannot connect\nto the engine")
	engine.Store(&why)
	s.Ready("docker engine", check(&engine))
	s.Ready("loki", func() error { return nil })
	s.Live("collector", func(patience time.Duration) error {
		if patience >= writeTimeout {
			t.Errorf("whoever asks is gone after %v", patience)
		}
		return check(&loop)()
	})
	var warning atomic.Bool
	s.Warn(func() string {
		if warning.Load() {
			return "labels\nwere cut"
		}
		return ""
	})
	url := serve(t, s)

	answer := get(t, url+"/readyz")
	answer.expect(t, "not ready\n", "not ok: docker engine: cannot connect to the engine\n", "ok: loki\n")
	if answer.code != http.StatusServiceUnavailable {
		t.Errorf("code %d", answer.code)
	}
	engine.Store(nil)
	answer = get(t, url+"/readyz")
	if want := "ready\nok: docker engine\nok: loki\n"; answer.code != http.StatusOK || answer.body != want {
		t.Errorf("got %d %q", answer.code, answer.body)
	}
	warning.Store(true)
	answer = get(t, url+"/readyz")
	if want := "ready\nwarning: labels were cut\nok: docker engine\nok: loki\n"; answer.code != http.StatusOK || answer.body != want {
		t.Errorf("got %d %q", answer.code, answer.body)
	}
	get(t, url+"/status.json").expect(t, `"ready": true`, `"warning": "labels were cut"`)
	if answer = get(t, url+"/healthz"); answer.code != http.StatusOK || strings.Contains(answer.body, "warning") {
		t.Errorf("got %d %q", answer.code, answer.body)
	}
	dead := errors.New("it has ended")
	loop.Store(&dead)
	answer = get(t, url+"/healthz")
	answer.expect(t, "not healthy\nnot ok: collector: it has ended\n")
	if answer.code != http.StatusServiceUnavailable {
		t.Errorf("code %d", answer.code)
	}
}

func TestJSON(t *testing.T) {
	s := server()
	s.Observe(snapshot)
	s.Ready("engine", func() error { return errors.New("why") })
	answer := get(t, serve(t, s)+"/status.json")
	var got State
	if err := json.Unmarshal([]byte(answer.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Ready || !got.Healthy || len(got.Containers) != 4 || got.Containers[1].Name != "api" || got.Conditions[0].Why != "why" {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(answer.body, "<script") || answer.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v, body %s", answer.header, answer.body)
	}
}

func TestHeadersAndMethods(t *testing.T) {
	url := serve(t, server())
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/status.json", "/nothing"} {
		answer := get(t, url+path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Security-Policy": contentPolicy,
		} {
			if got := answer.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if head := request(t, http.MethodHead, url+path, ""); head.code != answer.code || head.body != "" {
			t.Errorf("HEAD %s: %d, %q", path, head.code, head.body)
		}
		if post := request(t, http.MethodPost, url+path, ""); post.code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, post.code)
		}
	}
	if got := get(t, url+"/nothing").code; got != http.StatusNotFound {
		t.Errorf("code %d", got)
	}
}

// TestS10HostHeader: whatever address is listened on, a page of another site that makes its
// name resolve to it reads nothing.
func TestS10HostHeader(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0", ":0"} {
		url := serve(t, New(listen, []string{"Lighterman", "logs.example"}, slog.New(slog.DiscardHandler)))
		for host, want := range map[string]int{
			"localhost": 200, "LOCALHOST:9177": 200, "a.localhost.": 200, "127.0.0.1": 200, "127.8.8.8:1": 200, "[::1]:9177": 200,
			"192.168.1.1:9177": 200, own + ":9177": 200, "lighterman:9177": 200, "logs.example.": 200,
			"evil.example": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example:9177": 421, "evil.logs.example": 421, "1.2.3": 421,
		} {
			for _, path := range []string{"/status.json", "/metrics", "/readyz"} {
				if got := request(t, http.MethodGet, url+path, host).code; got != want && (want != 200 || got != 503) {
					t.Errorf("%s, %s%s: %d, want %d", listen, host, path, got, want)
				}
			}
		}
	}
}

// TestS10ForwardedSocket: a unix socket may be forwarded to a port, which pages of other sites
// reach. It answers to the names that whoever calls it makes up, and to none that a site has.
func TestS10ForwardedSocket(t *testing.T) {
	s := New("unix:/run/lighterman/lighterman.sock", []string{"logs.example"}, slog.New(slog.DiscardHandler))
	s.Reload(func(context.Context) (string, error) { return "reloaded", nil })
	s.Pages(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"localhost": 200, "unix": 200, "lighterman:80": 200, "": 200, "127.0.0.1:9177": 200, "[::1]:9177": 200, "a.localhost": 200, "logs.example": 200,
		"evil.example:9177": 421, "localhost.evil.example": 421, "evil.example.": 421,
	} {
		for _, r := range []*http.Request{httptest.NewRequest(http.MethodGet, "/messages.json", nil), httptest.NewRequest(http.MethodPost, reloadPath, nil)} {
			r.Host = host
			w := httptest.NewRecorder()
			s.handler().ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s %s to %q: %d, want %d", r.Method, r.URL.Path, host, w.Code, want)
			}
		}
	}
}

func TestListenFailure(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	addr := listener.Addr().String()
	err = New(addr, nil, slog.New(slog.DiscardHandler)).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("got %v", err)
	}
}

// said is a writer of a log that hands over each message.
type said chan string

func (s said) Write(p []byte) (int, error) {
	s <- string(p)
	return len(p), nil
}

func TestRunEndsWithContext(t *testing.T) {
	messages := make(said, 8)
	s := New("127.0.0.1:0", nil, slog.New(slog.NewTextHandler(messages, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if got := <-messages; !strings.Contains(got, "address=127.0.0.1:") {
		t.Errorf("log: %s", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestInWords(t *testing.T) {
	for got, want := range map[string]string{
		Bytes(-1): "–", Bytes(1023): "1023 B", Bytes(1536): "1.5 KiB", Bytes(1<<63 - 1): "8.0 EiB",
		Seconds(-1): "–", Seconds(0.25): "0.2 s", Seconds(3601): "1h0m1s", Seconds(1e300): "very long",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
