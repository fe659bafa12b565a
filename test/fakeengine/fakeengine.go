package fakeengine

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/lighterman/lighterman/test/dataroot"
)

// Engine is one.
type Engine struct {
	// Host is its address, for docker-host.
	Host string

	root string
	mu   sync.Mutex // guards the fields below
	// dropped is closed when all that are connected are sent away.
	dropped chan struct{}
	// instead answers in its place and returns true, if it likes to.
	instead func(w http.ResponseWriter, r *http.Request) bool
}

// Start starts one on a socket; it ends with the test. instead may be nil.
func Start(t testing.TB, root *dataroot.Root, instead func(w http.ResponseWriter, r *http.Request) bool) *Engine {
	t.Helper()
	dir, err := os.MkdirTemp("", "fe") // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{Host: "unix://" + socket, root: root.Dir, instead: instead, dropped: make(chan struct{})}
	server := &http.Server{Handler: e}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return e
}

// Instead replaces what answers in the engine's place.
func (e *Engine) Instead(f func(w http.ResponseWriter, r *http.Request) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.instead = f
}

// Drop ends the streams of events.
func (e *Engine) Drop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.dropped)
	e.dropped = make(chan struct{})
}

var version = regexp.MustCompile(`^/v[0-9.]+`)

// ServeHTTP implements http.Handler. Paths come to it without a version.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.URL.Path = version.ReplaceAllString(r.URL.Path, "")
	e.mu.Lock()
	instead, dropped := e.instead, e.dropped
	e.mu.Unlock()
	if instead != nil && instead(w, r) {
		return
	}
	switch path := r.URL.Path; path {
	case "/_ping":
		w.Header().Set("Api-Version", "1.41")
	case "/info":
		e.answer(w, map[string]any{"DockerRootDir": e.root, "Name": "fake"})
	case "/version":
		e.answer(w, map[string]any{"Components": []any{map[string]any{"Name": "Engine"}}})
	case "/events":
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-dropped:
		}
	case "/containers/json":
		e.answer(w, e.list())
	default:
		e.inspect(w, filepath.Base(filepath.Dir(path)))
	}
}

func (e *Engine) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (e *Engine) list() []any {
	out := []any{}
	entries, _ := os.ReadDir(filepath.Join(e.root, "containers"))
	for _, entry := range entries {
		out = append(out, map[string]any{"Id": entry.Name(), "Names": []string{"/x"}})
	}
	return out
}

// inspect answers with what the engine has stored, as it stands: labels of many megabytes
// take no time to decode and encode.
func (e *Engine) inspect(w http.ResponseWriter, id string) {
	read := func(name string) []byte {
		text, _ := os.ReadFile(filepath.Join(e.root, "containers", id, name))
		return bytes.TrimSpace(text)
	}
	c, host := read("config.v2.json"), read("hostconfig.json")
	if !bytes.HasPrefix(c, []byte("{")) || !bytes.HasSuffix(c, []byte("}")) {
		w.WriteHeader(http.StatusNotFound)
		e.answer(w, map[string]any{"message": "No such container"})
		return
	}
	if len(host) == 0 {
		host = []byte("null")
	}
	w.Header().Set("Content-Type", "application/json")
	for _, part := range [][]byte{[]byte(`{"Id":"` + id + `","HostConfig":`), host, []byte(","), c[1:]} {
		_, _ = w.Write(part)
	}
}
