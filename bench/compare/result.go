package main

import (
	"maps"
	"testing"
	"time"

	"github.com/lighterman/lighterman/bench/dashboard"
	"github.com/lighterman/lighterman/bench/line"
	"github.com/lighterman/lighterman/bench/peer"
	"github.com/lighterman/lighterman/bench/sink"
)

// results are what was measured of every collector.
func (s *stage) results(t testing.TB) (out []*dashboard.Mode) {
	t.Helper()
	written, err := s.fleet.Written()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range s.actors {
		m := a.result(s.options.warmup, s.last-s.first)
		m.Containers, m.Lines = judge(a.sink.Report(), written, s.fleet.Drivers())
		m.DockerdSeries = maps.Clone(s.dockerd.series)
		m.Dockerd = dashboard.Fit(m.DockerdSeries, s.options.warmup)
		m.DockerdCPU = percent(s.dockerd.before, s.dockerd.after, s.last-s.first)
		m.Acts = s.fleet.Acts()
		out = append(out, m)
	}
	return out
}

// result is what was measured of the process.
func (a *actor) result(warmup, window time.Duration) *dashboard.Mode {
	m := &dashboard.Mode{
		Name: a.mode.name, Kind: a.mode.kind,
		Series: a.series, Growth: dashboard.Fit(a.series, warmup),
		CPU:  percent(a.before, a.after, window),
		Peak: float64(a.peak) / mib,
		Latency: dashboard.Latency{
			P50: milliseconds(a.latency.Quantile(0.50)), P95: milliseconds(a.latency.Quantile(0.95)),
			P99: milliseconds(a.latency.Quantile(0.99)), Max: milliseconds(a.latency.Max()), Lines: a.latency.Count(),
		},
	}
	m.RSS = m.Growth[dashboard.RSS].Mean
	return m
}

// percent is the share of one processor between two looks about a window apart.
func percent(before, after peer.Usage, window time.Duration) float64 {
	return 100 * float64(after.CPU-before.CPU) / float64(window)
}

// judge tells containers of which nothing arrived, because nobody reads them that
// way, from those of which something is wrong.
func judge(r sink.Report, written line.Ledger, drivers map[int]string) (c dashboard.Containers, l dashboard.Lines) {
	c.Uncovered = make(map[string]int)
	carried := make(line.Ledger)
	for number, want := range written {
		if want.Lines == 0 {
			continue
		}
		c.All++
		l.Written += want.Lines
		if r.Ledger[number] == nil {
			c.Uncovered[drivers[number]]++
			l.Uncovered += want.Lines
			continue
		}
		c.Covered++
		carried[number] = want
		if *r.Ledger[number] == (line.Tally{Lines: want.Lines, Content: want.Content, Times: r.Ledger[number].Times}) {
			c.Whole++
		}
	}
	v := r.Judge(carried, false) // when the engine has stamped them nobody knows
	l.Lost, l.Repeated, l.Changed, l.Reordered = v.Lost, v.Repeated, v.Changed, v.Reordered
	return c, l
}
