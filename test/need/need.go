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

// Loki needs the real Loki in the cache and returns its path.
func Loki(t testing.TB) string {
	t.Helper()
	return cached(t, "loki-"+version(t, "loki", "github.com/grafana/loki/v3"))
}

// NewestEngine needs the newest engine in the cache and returns the directory
// with dockerd and the runc that it needs.
func NewestEngine(t testing.TB) string {
	t.Helper()
	name := "engine-" + version(t, "newest", "github.com/moby/moby/v2") +
		"-runc-" + version(t, "newest", "github.com/opencontainers/runc")
	for _, program := range []string{"dockerd", "runc"} {
		cached(t, filepath.Join(name, program))
	}
	return cached(t, name)
}

// Prometheus needs the real Prometheus in the cache and returns the directory with it and
// promtool.
func Prometheus(t testing.TB) string {
	t.Helper()
	name := "prometheus-" + version(t, "prometheus", "github.com/prometheus/prometheus")
	for _, program := range []string{"prometheus", "promtool"} {
		cached(t, filepath.Join(name, program))
	}
	return cached(t, name)
}

// Collector needs the OpenTelemetry Collector in the cache and returns its path.
func Collector(t testing.TB) string {
	t.Helper()
	return cached(t, "collector-"+version(t, "collector", "go.opentelemetry.io/collector/otelcol"))
}

// VictoriaLogs needs the real VictoriaLogs in the cache and returns its path.
func VictoriaLogs(t testing.TB) string {
	t.Helper()
	return cached(t, "victorialogs-"+version(t, "victorialogs", "github.com/VictoriaMetrics/VictoriaLogs"))
}

// Compose needs Docker Compose in the cache and returns its path.
func Compose(t testing.TB) string {
	t.Helper()
	return cached(t, "compose-"+version(t, "compose", "github.com/docker/compose/v2"))
}

// Debian needs a bare Debian in the cache, debian-bookworm or one with more in it, and
// returns its directory.
func Debian(t testing.TB, name string) string {
	t.Helper()
	Root(t)
	return cached(t, name)
}

// version returns the version of a module, without the v, that the go.mod in a
// directory of test requires.
func version(t testing.TB, dir, module string) string {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "test", dir, "go.mod"))
	if err != nil {
		t.Fatalf("cannot find the version of %s: %v", module, err)
	}
	found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(mod)
	if found == nil {
		t.Fatalf("cannot find the version of %s: test/%s/go.mod does not require it", module, dir)
	}
	return string(found[1])
}

// cached needs a file in the cache and returns its path.
func cached(t testing.TB, name string) string {
	t.Helper()
	cache, err := repo.Cache()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, name)
	if _, err := os.Stat(path); err != nil {
		missing(t, "needs what scripts/prepare-tests builds: %v", err)
	}
	return path
}
