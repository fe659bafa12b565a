package page

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/status/history"
	"github.com/lighterman/lighterman/internal/status/tap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// is is a value that is known.
func is[T any](v T) *T { return &v }

const hostile = `<script>alert("1")</script>` + "\n\x1b[31m\u202e'&<a href=javascript:alert(2)>"

// names of containers as there are.
var names = []string{
	"shop-web", "shop-api", "shop-worker", "postgres", "redis", "traefik", "keycloak", "grafana", "mailer", "billing-cron", "search", "imgproxy", "rabbitmq", "minio", "wiki",
}

// fleet is a host with containers, some of which have problems.
func fleet(n int) status.Snapshot {
	s := status.Snapshot{
		Version: "1.2.3", Started: time.Now().Add(-53 * time.Hour), Source: "unix:///var/run/docker.sock", EngineConnected: true, BufferedBytes: 1 << 20, APIStreams: 2,
		InotifyWatches: 2 * n, CheckpointSaves: 1834, HeldBytes: 5 << 20, HeldFiles: 1, HoldLinks: n,
		Output: status.OutputState{
			To: "https://loki.example.com", Ready: true, BufferedBytes: 1 << 20, MemoryBytes: 64 << 20, LagSeconds: 0.4, LagBytes: 4096, Pushes: 1,
			LastAnswer: &status.Answer{Time: time.Now(), Outcome: "accepted", Seconds: 0.012},
		},
	}
	for i := range n {
		name := names[i%len(names)]
		if i >= len(names) {
			name = fmt.Sprintf("%s-%d", name, i/len(names))
		}
		read := int64(1000 + 7919*i%50_000)
		c := status.Container{
			Name: name, ID: id(i), Driver: "json-file", Route: "file", Reason: "its file is readable", LagBytes: is(int64(i * 37 % 900)), LagSeconds: is(0.1 * float64(i%7)),
			Lines: is(uint64(read)), Refused: is(uint64(0)), Position: &status.Position{Inode: 4711, Offset: 81234, Time: time.Now()},
			Account: &status.Account{Read: read + 200, Sent: read - 3, Joined: 120, Dropped: map[string]int64{"health checks": 80}, Pending: 3},
		}
		switch {
		case i%11 == 3:
			c.Driver, c.Route, c.Reason = "journald", "journal", "its driver is journald, whose files are readable"
		case i == 7:
			c.Route, c.Reason, c.LagBytes, c.LagSeconds = "unreadable", "its driver gelf keeps nothing on this host: set the driver to json-file, local or journald, or switch Docker’s cache on", nil, nil
			c.Driver = "gelf"
		case i == 4:
			c.Refused, c.LastRefusal = is(uint64(20)), &refusal
			c.Account.Rejected = 20
			c.Account.Sent -= 20
		case i == 9:
			c.LagSeconds, c.LagBytes = is(312.0), is(int64(48<<20))
		case i == 11:
			c.Remarks = []string{"label lighterman.stages: there is no stage jsn; did you mean json?"}
		}
		s.Containers = append(s.Containers, c)
	}
	return s
}

var refusal = status.Refusal{
	Time: time.Now(), Reason: "too_old", Example: time.Now().Add(-200 * time.Hour), Message: "entry for stream has timestamp too old: oldest acceptable timestamp is 2026-11-22T10:00:00Z",
	Cure: "raise reject_old_samples_max_age of Loki, or set since no further back; see docs/loki-limits.md",
}

func id(i int) string { return fmt.Sprintf("%012x", 0xa1b2c3d4e5+i*7919) + strings.Repeat("9f", 26) }

// site is pages with all that they need.
type site struct {
	*status.Server
	pages    *Pages
	tap      *tap.Tap
	messages *status.Messages
	private  bool
	config   status.Configuration
	detail   status.Detail
}

func newSite(snapshot func() status.Snapshot) *site {
	s := &site{Server: status.New("127.0.0.1:0", nil, slog.New(slog.DiscardHandler)), tap: tap.New(), messages: new(status.Messages), private: true}
	s.Observe(snapshot)
	s.config = status.Configuration{File: "/etc/lighterman/lighterman.yaml", Loaded: time.Now().Add(-time.Hour), Tried: time.Now().Add(-time.Hour), Text: configuration}
	s.detail = status.Detail{
		Image: "registry.example.com/shop/web:2026.11", Running: true, Started: time.Now().Add(-30 * time.Hour),
		Files:    []status.File{{Inode: 4710, Size: 10 << 20, Read: 10 << 20, Deleted: true}, {Inode: 4711, Size: 82000, Read: 81234}},
		Labels:   []status.StreamLabels{{Stream: "stdout", Labels: labelsOf("stdout")}, {Stream: "stderr", Labels: labelsOf("stderr")}},
		Metadata: []status.Attribute{{Name: "container_id", Value: id(0)}}, Tenant: "shop",
	}
	s.pages = New(Config{
		Host: "docker-7", State: s.State, Sample: s.Sample, Detail: func(string) (status.Detail, bool) { return s.detail, true },
		Configuration: func() status.Configuration { return s.config }, Messages: s.messages, Tap: s.tap, Private: func() bool { return s.private },
		Log: slog.New(slog.DiscardHandler),
	})
	s.Pages(s.pages)
	return s
}

func labelsOf(stream string) []status.Attribute {
	return []status.Attribute{{Name: "compose_project", Value: "shop"}, {Name: "compose_service", Value: "web"}, {Name: "container", Value: "shop-web"}, {Name: "host", Value: "docker-7"}, {Name: "stream", Value: stream}}
}

const configuration = `# General
watch-config: true  # /etc/lighterman/lighterman.yaml:2
log-level: info  # default
listen: 127.0.0.1:9177  # default
state-dir: /var/lib/lighterman  # default: for root

# Loki
loki-url: https://loki.example.com  # variable LIGHTERMAN_LOKI_URL
# loki-password: <secret>  # flag --loki-password-file
tenant-id: shop  # /etc/lighterman/lighterman.yaml:5

# Labels and stages
stages:  # /etc/lighterman/lighterman.yaml:8
  - drop:  # /etc/lighterman/lighterman.yaml:8
      drop_counter_reason: health checks  # /etc/lighterman/lighterman.yaml:9
      expression: "GET /healthz"  # /etc/lighterman/lighterman.yaml:10
`

// past fills in an hour of samples.
func (s *site) past() {
	now := time.Now()
	var lines float64
	bounds := len(status.LatencyBounds()) + 1
	latency := make([]uint64, bounds)
	for i := range samples {
		x := float64(i)
		lines += 10 * (420 + 160*math.Sin(x/31) + 70*math.Sin(x/5))
		latency = append([]uint64(nil), latency...)
		latency[3] += 300
		latency[4] += uint64(200 + 150*math.Sin(x/40))
		latency[6] += uint64(20 + 19*math.Sin(x/17))
		s.pages.history.Add(history.Sample{
			At: now.Add(time.Duration(i-samples+1) * sampleEvery), Lines: lines, Bytes: 180 * lines, Latency: latency, Retries: math.Floor(x / 90),
			LagSeconds: 0.4 + 0.3*math.Sin(x/9) + 8*max(0, math.Sin(x/60)-0.97)*33, Memory: 41e6 + 3e6*math.Sin(x/25), Held: 1.2e6 + 9e5*math.Sin(x/8),
			FDs: 74 + math.Floor(4*math.Sin(x/70)), Goroutines: 46 + math.Floor(3*math.Sin(x/33)),
		})
	}
}

// say puts messages into the log.
func (s *site) say() {
	log := slog.New(s.messages.Handler(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.Info("starting", "version", "1.2.3", "sink", "https://loki.example.com", "mode", "hybrid", "state", "/var/lib/lighterman")
	log.Info("containers found", "from", "docker engine", "containers", 30, "chosen", 30)
	log.With("container", "grafana", "id", "a1b2c3d4e5f6").Warn("the log cannot be read", "reason", "its driver gelf keeps nothing on this host")
	log.Error("Loki has refused lines for good", "container", "redis", "reason", "too_old", "lines", 20, "cure", refusal.Cure)
	log.Debug("configuration is unchanged", "asked by", "SIGHUP")
}

// write has Loki take lines of a container.
func (s *site) write(id string, lines ...string) {
	b := &logs.Batch{}
	labels := logs.NewLabels(map[string]string{"container": "x"}, nil)
	for i, line := range lines {
		b.Add(labels, logs.Entry{Time: time.Now().UnixNano() + int64(i), Line: []byte(line), Stream: logs.Stdout})
	}
	b.Groups[0].Container = id
	s.tap.Sent(b)
}

// get asks for a page.
func (s *site) get(t testing.TB, path string, header ...string) (code int, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.pages.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}
