package status

import (
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns a snapshot into metrics when they are asked for, so that
// nothing has to keep gauges up to date.
type collector struct {
	snapshot func() Snapshot
	// part: it is of one output of several, and says nothing of the process as a whole.
	part bool
}

// gauge is a metric without labels that is read from a snapshot.
type gauge struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(Snapshot) float64
	// process: it is of the process, and not of an output.
	process bool
}

var gauges = []gauge{
	{desc("buffered_bytes", "Bytes read that are not acknowledged yet."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(s.BufferedBytes) }, false},
	{desc("set_aside_containers", "Containers whose delivery waits for a limit or a refusal that concerns them alone."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(s.SetAside) }, false},
	{desc("unreadable_containers", "Containers whose log cannot be read."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(targets(s)[routeUnreadable]) }, false},
	{desc("engine_connected", "1 while the Docker Engine answers, or with docker-host=none its directory of containers can be read."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return boolean(s.EngineConnected) }, false},
	{desc("api_streams", "Log streams open through the Docker API."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(s.APIStreams) }, false},
	{desc("inotify_watches", "Inotify watches in use."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(s.InotifyWatches) }, false},
	{desc("inotify_events_total", "Inotify events handled."), prometheus.CounterValue,
		func(s Snapshot) float64 { return float64(s.InotifyEvents) }, false},
	{desc("inotify_overflows_total", "Overflows of the inotify queue; all files are looked at after one."), prometheus.CounterValue,
		func(s Snapshot) float64 { return float64(s.InotifyOverflows) }, false},
	{desc("held_bytes", "Bytes of log files that Docker has deleted and lighterman keeps until they are delivered."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(s.HeldBytes) }, false},
	{desc("held_files", "Log files that Docker has deleted and lighterman keeps until they are delivered."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(s.HeldFiles) }, false},
	{desc("hold_links", "Hard links to log files in hold-dir."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(s.HoldLinks) }, false},
	{desc("hold_link_failures_total", "Hard links to log files that could not be made."), prometheus.CounterValue,
		func(s Snapshot) float64 { return float64(s.HoldFailures) }, false},
	{desc("hold_ok", "0 while hold-dir is set and log files cannot be linked there."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return boolean(s.HoldError == "") }, false},
	{desc("checkpoint_saves_total", "Saves of the positions."), prometheus.CounterValue,
		func(s Snapshot) float64 { return float64(s.CheckpointSaves) }, false},
	{desc("checkpoint_failures_total", "Saves of the positions that failed and are repeated."), prometheus.CounterValue,
		func(s Snapshot) float64 { return float64(s.CheckpointFailures) }, false},
	{desc("checkpoint_unsaved_seconds", "Age of the oldest change of a position that is not on disk."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return s.CheckpointAge }, false},
	{desc("crowded_labels", "Labels with more than 100 values on this host within a day; the status page names them."), prometheus.GaugeValue,
		func(s Snapshot) float64 { return float64(s.CrowdedLabels) }, false},
	{desc("goroutines", "Goroutines of the process."), prometheus.GaugeValue,
		func(Snapshot) float64 { return float64(runtime.NumGoroutine()) }, true},
	{desc("open_fds", "Open file descriptors of the process."), prometheus.GaugeValue,
		func(Snapshot) float64 { return float64(openFDs()) }, true},
}

var (
	buildInfo  = desc("build_info", "Always 1; the label tells the version.", "version")
	targetsBy  = desc("targets", "Containers, by the route their log is read on.", "route")
	lagBytes   = desc("container_lag_bytes", "Bytes in the log of a container that are not delivered.", "container", "route")
	linesRead  = desc("container_read_lines_total", "Lines of a container that were read since the start. They are accounted for: sent, dropped, joined, rejected or pending.", "container")
	linesBy    = desc("container_lines_total", "What has become of the lines of a container: sent, dropped by a stage, joined to another line's entry, or rejected by the sink. Outcomes that there were none of are left out.", "container", "outcome")
	linesWait  = desc("container_pending_lines", "Entries of a container that were read and are not acknowledged yet.", "container")
	lagSeconds = desc("container_lag_seconds", "Age of the oldest entry of a container that is not delivered.", "container", "route")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range gauges {
		ch <- g.desc
	}
	for _, d := range []*prometheus.Desc{buildInfo, targetsBy, lagBytes, lagSeconds, linesRead, linesBy, linesWait} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.snapshot()
	for _, g := range gauges {
		if !c.part || !g.process {
			ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.value(s))
		}
	}
	if !c.part {
		ch <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, s.Version)
	}
	for route, n := range targets(s) {
		ch <- prometheus.MustNewConstMetric(targetsBy, prometheus.GaugeValue, float64(n), route)
	}
	collectAccounts(ch, s)
	for key, lag := range lags(s) {
		if lag.bytes >= 0 {
			ch <- prometheus.MustNewConstMetric(lagBytes, prometheus.GaugeValue, float64(lag.bytes), key.container, key.route)
		}
		if lag.seconds >= 0 {
			ch <- prometheus.MustNewConstMetric(lagSeconds, prometheus.GaugeValue, lag.seconds, key.container, key.route)
		}
	}
}

// targets counts the containers by route.
func targets(s Snapshot) map[string]int {
	out := make(map[string]int, len(routes))
	for _, r := range routes {
		out[r] = 0
	}
	for _, c := range s.Containers {
		out[c.Route]++
	}
	return out
}

type lagKey struct{ container, route string }

type lag struct {
	bytes   int64
	seconds float64
}

// lags returns the lag by container name. Two containers may have the same name,
// one removed that is still being delivered and its successor: they count as
// one, because a metric that comes twice would spoil the whole scrape.
func lags(s Snapshot) map[lagKey]lag {
	out := make(map[lagKey]lag, len(s.Containers))
	for _, c := range s.Containers {
		key := lagKey{c.Name, c.Route}
		sum, ok := out[key]
		if !ok {
			sum = lag{-1, -1}
		}
		if c.LagBytes != nil {
			sum.bytes = max(sum.bytes, 0) + *c.LagBytes
		}
		if c.LagSeconds != nil {
			sum.seconds = max(sum.seconds, *c.LagSeconds)
		}
		out[key] = sum
	}
	return out
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// ownFDs is the directory of the process's descriptors. It stays open: when there is no
// descriptor left, that has to show.
var ownFDs = sync.OnceValue(func() *counted {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return nil // no /proc
	}
	return &counted{dir: dir}
})

// counted is a directory whose names are counted again and again.
type counted struct {
	mu  sync.Mutex // guards the place in dir
	dir *os.File
}

// openFDs counts the open descriptors.
func openFDs() int {
	own := ownFDs()
	if own == nil {
		return 0
	}
	own.mu.Lock()
	defer own.mu.Unlock()
	if _, err := own.dir.Seek(0, io.SeekStart); err != nil {
		return 0
	}
	names, err := own.dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names)
}
