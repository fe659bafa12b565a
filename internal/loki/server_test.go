package loki

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/lighterman/lighterman/internal/logs"
)

// server is a Loki that notes what it gets and answers what answer does: 204
// when that is nil.
type server struct {
	*httptest.Server
	answer http.HandlerFunc

	mu       sync.Mutex // guards the fields below
	requests []*http.Request
	bodies   []string // in the words of render
}

func newServer(t *testing.T, answer http.HandlerFunc) *server {
	s := newUnstarted(t, answer)
	s.Start()
	return s
}

func newUnstarted(t *testing.T, answer http.HandlerFunc) *server {
	s := &server{answer: answer}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handle(t, w, r) }))
	t.Cleanup(s.Close)
	return s
}

func (s *server) handle(t *testing.T, w http.ResponseWriter, r *http.Request) {
	packed, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	plain, err := s2.Decode(nil, packed)
	if err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.bodies = append(s.bodies, render(t, plain))
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// last returns the latest request.
func (s *server) last(t *testing.T) *http.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		t.Fatal("no request came")
	}
	return s.requests[len(s.requests)-1]
}

func says(status int, text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func address(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func newClient(t *testing.T, target string, change func(*Config)) *Client {
	t.Helper()
	config := Config{URL: address(t, target), Timeout: 10 * time.Second, UserAgent: "lighterman/test"}
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

func accepted(t *testing.T, out logs.Outcome) {
	t.Helper()
	if out.Kind != logs.Accepted || out.Err != nil {
		t.Fatalf("got %+v", out)
	}
}

// retried expects Retry, with mend that somebody has to mend something, with
// words in the error's text and without secrets.
func retried(t *testing.T, out logs.Outcome, mend bool, words ...string) {
	t.Helper()
	if out.Kind != logs.Retry || out.Misconfigured != mend || out.Err == nil {
		t.Fatalf("got %+v", out)
	}
	for _, w := range words {
		if !strings.Contains(out.Err.Error(), w) {
			t.Errorf("%q is missing: %v", w, out.Err)
		}
	}
	if strings.Contains(out.Err.Error(), "hush") {
		t.Errorf("the error tells a secret: %v", out.Err)
	}
}
