package status

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs s on a loopback port until the test ends and returns its URL.
func serve(t *testing.T, s *Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveAt(t, s, listener)
	return "http://" + listener.Addr().String()
}

func serveAt(t *testing.T, s *Server, listener net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, listener) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func server() *Server { return New("127.0.0.1:0", nil, slog.New(slog.DiscardHandler)) }

type response struct {
	code   int
	header http.Header
	body   string
}

func request(t *testing.T, method, url, host string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{answer.StatusCode, answer.Header, string(body)}
}

func get(t *testing.T, url string) response {
	t.Helper()
	return request(t, http.MethodGet, url, "")
}

func (r response) expect(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(r.body, part) {
			t.Errorf("%q is missing in:\n%s", part, r.body)
		}
	}
}

// is is a value that is known.
func is[T any](v T) *T { return &v }

const hostile = `<script>alert("1")</script>` + "\n\x1b[31m\u202e'&"

func snapshot() Snapshot {
	return Snapshot{
		Version: "v1.2.3", Started: time.Now().Add(-time.Hour), BufferedBytes: 4096, Source: "unix:///run/docker.sock", EngineConnected: true,
		APIStreams: 3, InotifyWatches: 8, InotifyEvents: 9, InotifyOverflows: 2,
		CheckpointSaves: 11, CheckpointFailures: 1, CheckpointError: "no space left on device", CheckpointAge: 2.5,
		Containers: []Container{
			{Name: "web", ID: strings.Repeat("a", 64), Driver: "json-file", Route: "file", Reason: "its file is readable",
				LagBytes: is(int64(10)), LagSeconds: is(float64(0.5)), Lines: is(uint64(7))},
			{Name: "web", ID: strings.Repeat("b", 64), Driver: "json-file", Route: "file", LagBytes: is(int64(5)), LagSeconds: is(float64(90))},
			{Name: "api", ID: strings.Repeat("c", 64), Driver: "journald", Route: "api", LagSeconds: is(float64(1.5))},
			{Name: hostile, ID: hostile, Driver: hostile, Route: hostile, Reason: hostile, LastError: hostile},
		},
	}
}
