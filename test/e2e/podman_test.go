package e2e

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/wait"
)

// answers are what Podman 4.3.1 answers on its Docker-compatible socket, for a
// container made with `--log-driver json-file`, without what nobody looks at.
var answers = map[string]string{
	"/_ping": "OK",
	"/version": `{"Platform":{"Name":"linux/amd64/debian-12"},"Components":[{"Name":"Podman Engine","Version":"4.3.1","Details":{"APIVersion":"4.3.1",` +
		`"MinAPIVersion":"4.0.0","Os":"linux"}},{"Name":"Conmon","Version":"conmon version 2.1.6, commit: unknown"}],"Version":"4.3.1","ApiVersion":"1.41","MinAPIVersion":"1.24"}`,
	"/info":            `{"ID":"677ef5c2-9f6d-4a41-815a-db5baf208142","DockerRootDir":"ROOT","Name":"node1","LoggingDriver":""}`,
	"/containers/json": `[{"Id":"ID","Names":["/pod"],"State":"running"}]`,
	"/containers/ID/json": `{"Id":"ID","Name":"/pod","LogPath":"ROOT/overlay-containers/ID/userdata/ctr.log","State":{"Status":"running","Running":true,` +
		`"StartedAt":"2026-11-24T15:04:49.951445894Z"},"HostConfig":{"LogConfig":{"Type":"json-file","Config":null}},"Config":{"Image":"localhost/app:1","Tty":false,"Labels":{}}}`,
}

// TestPodman: it speaks Docker's API, calls its own log format json-file, and says in
// whole seconds when a line was written. Its containers are named and not read, also
// when a file lies where Docker would have one.
func TestPodman(t *testing.T) {
	t.Parallel()
	root, id := t.TempDir(), strings.Repeat("0a", 32)
	dir := filepath.Join(root, "containers", id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, id+"-json.log"), []byte("2026-11-24T15:04:50.123456789Z stdout F a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "podman.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 1000)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: podman(strings.NewReplacer("ID", id, "ROOT", root), id, asked)}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })

	l := carrier.Start(t, "--docker-host", "unix://"+socket)
	l.AwaitReady(t, 2*time.Minute)
	wait.For(t, 2*time.Minute, "the container to be named", func() bool {
		_, page, err := l.Get("/status.json")
		return err == nil && strings.Contains(page, `"route": "unreadable"`) && strings.Contains(page, "the engine is Podman")
	})
	if code := l.Terminate(t); code != 0 || l.Stdout() != "" {
		t.Errorf("exit code %d, output %q", code, l.Stdout())
	}
	for len(asked) > 0 {
		if path := <-asked; strings.HasSuffix(path, "/logs") {
			t.Errorf("it has asked for %s", path)
		}
	}
}

// podman answers requests, and follows none: events never come.
func podman(replace *strings.Replacer, id string, asked chan<- string) http.Handler {
	version := regexp.MustCompile(`^/v[0-9.]+`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := version.ReplaceAllString(r.URL.Path, "")
		select {
		case asked <- path:
		default:
		}
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Libpod-Api-Version", "4.3.1")
		if path == "/events" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		body, ok := answers[strings.Replace(path, id, "ID", 1)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, replace.Replace(body))
	})
}
