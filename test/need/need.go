package need

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/repo"
)

// Required tells that nothing may be missing.
func Required() bool {
	return os.Getenv("LIGHTERMAN_REQUIRE") == "1" || os.Getenv("CI") == "true"
}

func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if Required() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Root needs the test to run as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "needs root")
	}
}

// Engine needs a Docker Engine that answers on DOCKER_HOST or the default
// socket.
func Engine(t testing.TB) {
	t.Helper()
	api, err := client.New(client.FromEnv)
	if err != nil {
		missing(t, "needs a Docker Engine: %v", err)
	}
	defer func() { _ = api.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := api.Ping(ctx, client.PingOptions{}); err != nil {
		missing(t, "needs a Docker Engine: %v", err)
	}
}

// Dockerd needs what a private engine is started with: root, dockerd, unshare
// and ip.
func Dockerd(t testing.TB) {
	t.Helper()
	Root(t)
	Program(t, "dockerd")
	Program(t, "unshare")
	Program(t, "ip")
}

// Program needs a program on PATH.
func Program(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		missing(t, "needs %s: %v", name, err)
	}
}

// Syslog needs rsyslogd.
func Syslog(t testing.TB) {
	t.Helper()
	Program(t, "rsyslogd")
}

// Journald needs journald to accept on its socket, which is all that dockerd
// asks for.
func Journald(t testing.TB) {
	t.Helper()
	const socket = "/run/systemd/journal/socket"
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		missing(t, "needs journald: %v", err)
	}
	_ = conn.Close()
}

// lokiVersion finds the version in the go.mod of test/loki.
var lokiVersion = regexp.MustCompile(`(?m)^\s*github\.com/grafana/loki/v3 v(\S+)`)

// Loki needs the real Loki in the cache and returns its path.
func Loki(t testing.TB) string {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "test", "loki", "go.mod"))
	if err != nil {
		t.Fatalf("cannot find the version of Loki: %v", err)
	}
	version := lokiVersion.FindSubmatch(mod)
	if version == nil {
		t.Fatal("cannot find the version of Loki: test/loki/go.mod does not require it")
	}
	cache, err := repo.Cache()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "loki-"+string(version[1]))
	if _, err := os.Stat(path); err != nil {
		missing(t, "needs Loki, which scripts/prepare-tests builds: %v", err)
	}
	return path
}
