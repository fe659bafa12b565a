package main

import (
	"context"
	"testing"
	"time"

	"github.com/lighterman/lighterman/bench/dashboard"
	"github.com/lighterman/lighterman/bench/peer"
)

const mib = 1 << 20

// watch measures everything again and again until ctx is done.
func (s *stage) watch(ctx context.Context, t testing.TB, p *progress) {
	t.Helper()
	began, warm := time.Now(), false
	ticker := time.NewTicker(s.options.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		at := time.Since(began)
		if !warm && at >= s.options.warmup {
			warm, s.first = true, at
			s.begin(t)
		}
		s.last = at
		for _, a := range s.actors {
			a.look(t, at, warm)
		}
		s.dockerd.look(t, at)
		if t.Failed() {
			return
		}
		p.at(at, s.lines())
	}
}

// begin begins the window.
func (s *stage) begin(t testing.TB) {
	t.Helper()
	for _, a := range s.actors {
		usage, err := a.agent.Usage()
		if err != nil {
			t.Fatalf("cannot measure %s: %v", a.mode.name, err)
		}
		a.before = usage
		a.sink.Recent() // what arrived before is not counted
	}
	s.dockerd.begin(t)
}

// lines is what has arrived from all together.
func (s *stage) lines() (n int) {
	for _, a := range s.actors {
		n += a.sink.Lines()
	}
	return n
}

// look measures a collector.
func (a *actor) look(t testing.TB, at time.Duration, warm bool) {
	t.Helper()
	if err := a.agent.Ended(); err != nil {
		t.Fatal(err)
	}
	// The usage comes first: asking for metrics opens a connection.
	usage, err := a.agent.Usage()
	if err != nil {
		t.Fatalf("cannot measure %s: %v", a.mode.name, err)
	}
	metrics, err := a.agent.Metrics()
	if err != nil {
		// Not before it listens; and later it shall not go unseen.
		if warm {
			t.Errorf("cannot measure %s: %v", a.mode.name, err)
		}
		return
	}
	a.add(dashboard.FDs, at, float64(usage.Files))
	a.add(dashboard.RSS, at, float64(usage.RSS)/mib)
	a.addMetric(metrics, dashboard.Goroutines, at, "go_goroutines", 1)
	a.addMetric(metrics, dashboard.Heap, at, "go_memstats_heap_inuse_bytes", mib)
	a.addMetric(metrics, dashboard.Watches, at, "lighterman_inotify_watches", 1)
	if a.after = usage; usage.RSS > a.peak {
		a.peak = usage.RSS
	}
	if recent := a.sink.Recent(); recent.Count() > 0 {
		a.add(dashboard.P95, at, milliseconds(recent.Quantile(0.95)))
		if warm {
			a.latency.Merge(recent)
		}
	}
}

func (a *actor) add(name string, at time.Duration, value float64) {
	series := a.series[name]
	series.Add(at, value)
	a.series[name] = series
}

// addMetric adds what the collector says of itself, if it does.
func (a *actor) addMetric(m peer.Metrics, name string, at time.Duration, metric string, unit float64) {
	if value, ok := m[metric]; ok {
		a.add(name, at, value/unit)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
