package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"os/signal"

	"github.com/lighterman/lighterman/bench/link"
	"github.com/lighterman/lighterman/bench/peer"
)

// TestMain makes this program a collector when it is started as one.
func TestMain(m *testing.M) {
	if kind := os.Getenv("MEASURE_TEST_AGENT"); kind != "" {
		os.Exit(collect(kind, os.Args[1], os.Args[2]))
	}
	os.Exit(m.Run())
}

// collect pushes all logs once, waits for SIGTERM and leaves lines out, or changes
// one, where that is its kind.
func collect(kind, pattern, url string) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	paths, _ := filepath.Glob(pattern)
	var values [][2]string
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return 1
		}
		for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
			var record struct {
				Log  string
				Time time.Time
			}
			if json.Unmarshal(lines.Bytes(), &record) != nil {
				return 1
			}
			nano, _ := json.Marshal(record.Time.UnixNano())
			values = append(values, [2]string{string(nano), strings.TrimSuffix(record.Log, "\n")})
		}
	}
	switch kind {
	case "changing":
		values[3][1] += "x"
	case "repeating":
		values = append(values, values[0])
	case "losing":
		values = values[2:]
	case "dying":
		return 3
	}
	body, _ := json.Marshal(map[string]any{"streams": []any{map[string]any{"stream": map[string]string{"a": "b"}, "values": values}}})
	response, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil || response.StatusCode != http.StatusNoContent {
		return 1
	}
	<-stop
	return 0
}

func play(t *testing.T, kind string, s scenario) (values, error) {
	t.Helper()
	stage, err := build(s, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &peer.Peer{Name: kind, Args: []string{"{{.Logs}}", "{{.Push}}"}, Env: []string{"MEASURE_TEST_AGENT=" + kind}}
	trial, err := stage.begin(context.Background(), p, os.Args[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer trial.end()
	return trial.play(context.Background())
}

func TestOnlyExactRunsCount(t *testing.T) {
	small := scenario{name: "small", containers: 2, backlog: 200_000}
	v, err := play(t, "exact", small)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cpu_s_per_gib", "lines_per_s", "rss_mib", "peak_mib", "threads", "fds", "lines", "requests", "streams"} {
		if v[name] <= 0 {
			t.Errorf("%s is %v", name, v[name])
		}
	}
	for kind, want := range map[string]string{"changing": "changed=1", "repeating": "repeated=1", "dying": "exit status 3"} {
		if _, err := play(t, kind, small); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", kind, err, want)
		}
	}
}

// TestBesideCountsWhatArrived: what arrived is a result there, and waiting for what never
// comes costs nobody anything.
func TestBesideCountsWhatArrived(t *testing.T) {
	small := scenario{name: "small", containers: 2, backlog: 100_000, beside: true, events: events{patient: time.Second}}
	for kind, want := range map[string]values{
		"exact": {"lost": 0, "repeated": 0, "changed": 0}, "changing": {"changed": 1}, "repeating": {"repeated": 1}, "losing": {"lost": 2},
	} {
		v, err := play(t, kind, small)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		for _, name := range []string{"lost", "repeated", "changed", "retimed"} {
			if got, there := v[name]; !there || got != want[name] {
				t.Errorf("%s: %s is %v, want %v", kind, name, got, want[name])
			}
		}
		if v["cpu_s_per_gib"] <= 0 || v["lines_per_s"] <= 0 {
			t.Errorf("%s: %v", kind, v)
		}
	}
}

// TestServerIsAway: nobody can connect while it is away, and it comes back to its port.
func TestServerIsAway(t *testing.T) {
	ctx := context.Background()
	s, err := serve(ctx, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	ask := func() error {
		response, err := http.Get("http://" + s.address.String())
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.away(ctx); err != nil {
			t.Fatal(err)
		}
		if err := ask(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("away: %v", err)
		}
		if err := s.back(ctx); err != nil {
			t.Fatal(err)
		}
		if err := ask(); err != nil {
			t.Errorf("back: %v", err)
		}
	}
}

func TestLinkIsBetween(t *testing.T) {
	// A round trip to connect, a half with the request: nothing arrives before.
	slow := link.Shape{RTT: 400 * time.Millisecond, Rate: 1_000_000}
	v, err := play(t, "exact", scenario{name: "slow", containers: 1, backlog: 100_000, link: slow})
	if err != nil {
		t.Fatal(err)
	}
	if most := v["lines"] / (slow.RTT * 3 / 2).Seconds(); v["lines_per_s"] <= 0 || v["lines_per_s"] > most {
		t.Errorf("%v lines/s, at most %v can be", v["lines_per_s"], most)
	}
	if v["link_percent"] <= 0 || v["link_percent"] > 100 || v["sent_mb_per_s"] <= 0 {
		t.Errorf("%v %% of the link, %v MB/s", v["link_percent"], v["sent_mb_per_s"])
	}
	if _, err := play(t, "repeating", scenario{name: "slow", containers: 1, backlog: 100_000, link: slow}); err == nil {
		t.Error("a repeated line counts behind a link")
	}
}

func TestFloorIsMeasured(t *testing.T) {
	stage, err := build(scenario{containers: 2, backlog: 2_000_000}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for i := range 2 {
		files = append(files, stage.layout.Log(i))
	}
	if err := runFloor(files); err != nil {
		t.Error(err)
	}
	if err := runFloor([]string{filepath.Join(stage.dir, "none")}); err == nil {
		t.Error("no error without a file")
	}
}
