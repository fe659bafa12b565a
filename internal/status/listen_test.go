package status

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// over asks over a socket.
func over(t *testing.T, path, method, at string) (int, string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://whatever"+at, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// TestReloadBySocket: a listener may be a socket, for its owner and group. There, and nowhere else, a reload
// can be asked for.
func TestReloadBySocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	address := "unix:" + path
	// One that was killed has left its socket.
	left, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = left.Close()
	s := New(address, nil, slog.New(slog.DiscardHandler))
	var fails error
	s.Reload(func(context.Context) (string, error) { return "done", fails })
	listener, remove, err := s.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	serveAt(t, s, listener)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v %v", info, err)
	}
	if code, body := over(t, path, http.MethodPost, "/-/reload"); code != http.StatusOK || body != "done\n" {
		t.Errorf("%d %q", code, body)
	}
	fails = errors.New("lm.yaml:1:2: wrong")
	if code, body := over(t, path, http.MethodPost, "/-/reload"); code != http.StatusInternalServerError || body != "lm.yaml:1:2: wrong\n" {
		t.Errorf("%d %q", code, body)
	}
	if code, _ := over(t, path, http.MethodGet, "/-/reload"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", code)
	}
	if code, _ := over(t, path, http.MethodPost, "/metrics"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST elsewhere: %d", code)
	}
	if code, body := over(t, path, http.MethodGet, "/metrics"); code != http.StatusOK || !strings.Contains(body, "lighterman_config_last_reload_successful") {
		t.Errorf("%d %q", code, body)
	}
	if _, err := (Client{Listen: address}).Fetch(t.Context()); err != nil {
		t.Errorf("ls: %v", err)
	}
	if answer, yes, err := (Client{Listen: address}).Ask(t.Context(), Healthy); err != nil || !yes {
		t.Errorf("health: %q %v", answer, err)
	}
	if _, _, err := (Client{Listen: address + "no"}).Ask(t.Context(), Healthy); !errors.Is(err, ErrNobody) {
		t.Errorf("health of nobody: %v", err)
	}
	if _, _, err := New(address, nil, slog.New(slog.DiscardHandler)).listen(t.Context()); err == nil {
		t.Error("two listen on one socket")
	}
	if _, err := (Client{Listen: address + "no"}).Fetch(t.Context()); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody listens: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := New("unix:"+file, nil, slog.New(slog.DiscardHandler)).listen(t.Context()); err == nil {
		t.Error("a file is taken for a socket")
	}
	if text, _ := os.ReadFile(file); !bytes.Equal(text, []byte("kept")) {
		t.Error("a file was removed")
	}
}

// TestReloadByAddress: at an address that anybody can reach a reload is refused.
func TestReloadByAddress(t *testing.T) {
	s := server()
	s.Reload(func(context.Context) (string, error) { t.Error("reloaded"); return "", nil })
	answer, err := http.Post(serve(t, s)+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusForbidden || !strings.Contains(string(body), "SIGHUP") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}
