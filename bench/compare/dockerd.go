package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/bench/dashboard"
	"github.com/lighterman/lighterman/bench/peer"
)

// dockerd is the engine's process, as it is measured.
type dockerd struct {
	pid    int
	api    *http.Client
	series map[string]dashboard.Series
	// before and after are the usages at both ends of the window.
	before, after peer.Usage
}

func newDockerd(pid int, socket string) dockerd {
	// Without keep-alive the question itself is the only connection of ours.
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	return dockerd{pid: pid, api: &http.Client{Transport: transport, Timeout: 20 * time.Second}, series: make(map[string]dashboard.Series)}
}

func (d *dockerd) usage(t testing.TB) peer.Usage {
	t.Helper()
	usage, err := peer.UsageOf(d.pid)
	if err != nil {
		t.Fatalf("cannot measure dockerd: %v", err)
	}
	return usage
}

// begin begins the window.
func (d *dockerd) begin(t testing.TB) {
	t.Helper()
	d.before = d.usage(t)
}

// look measures the engine.
func (d *dockerd) look(t testing.TB, at time.Duration) {
	t.Helper()
	d.after = d.usage(t)
	journals := openJournals(d.pid)
	goroutines, err := d.goroutines(t.Context())
	if err != nil {
		if t.Context().Err() == nil {
			t.Errorf("cannot count dockerd's goroutines: %v", err)
		}
		return
	}
	for name, value := range map[string]int{
		dashboard.FDs: d.after.Files - journals, dashboard.Journals: journals,
		dashboard.Threads: d.after.Threads, dashboard.Goroutines: goroutines,
	} {
		series := d.series[name]
		series.Add(at, float64(value))
		d.series[name] = series
	}
}

// openJournals counts the journal files that a process has open. A stream of a
// container with the driver journald makes dockerd open all that the host has: their
// number is the host's, and grows as journald begins new ones, whatever is collected.
func openJournals(pid int) (n int) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		// What is closed meanwhile has no target.
		if target, err := os.Readlink(link); err == nil && strings.Contains(target, ".journal") {
			n++
		}
	}
	return n
}

// goroutines asks the engine's profiler, which is there because of --debug.
func (d *dockerd) goroutines(ctx context.Context) (n int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://dockerd/debug/pprof/goroutine?debug=1", nil)
	if err != nil {
		return 0, err
	}
	answer, err := d.api.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	first, err := bufio.NewReader(answer.Body).ReadString('\n')
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscanf(first, "goroutine profile: total %d", &n)
	return n, err
}
