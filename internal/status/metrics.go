package status

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

const namespace = "lighterman"

// Metrics counts what happens. Its methods may be called from several
// goroutines; those for lines and deliveries allocate nothing.
type Metrics struct {
	registry *prometheus.Registry

	lines, lineBytes  *series
	rejected, retries *series
	pushes            *series
	cut, corrupt      prometheus.Counter
	gaveUpFiles       prometheus.Counter
	gaveUpBytes       prometheus.Counter
	pushBytes         prometheus.Counter
	reconnects        prometheus.Counter
	pushDuration      prometheus.Histogram
	delivery          *histogram
}

// newMetrics makes a registry of its own, with others: nothing is global.
func newMetrics(others ...prometheus.Collector) *Metrics {
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		lines:     newSeries("lines_total", "Entries read, by route.", "route", routeFile, routeJournal, routeAPI),
		lineBytes: newSeries("line_bytes_total", "Bytes of text of the entries read, by route.", "route", routeFile, routeJournal, routeAPI),
		rejected:  newSeries("rejected_lines_total", "Entries that the sink refused for good, by reason.", "reason"),
		retries:   newSeries("push_retries_total", "Pushes that have to be repeated, by reason.", "reason"),
		pushes:    newSeries("pushes_total", "Pushes, by outcome.", "outcome", "accepted", "retry", "too_large", "refused"),
		cut:       counter("cut_lines_total", "Lines cut because they are longer than the limit."),
		corrupt:   counter("corrupt_records_total", "Stored log records that could not be decoded."),
		pushBytes: counter("push_bytes_total", "Bytes of lines pushed to the sink, repetitions included."),
		gaveUpFiles: counter("hold_given_up_files_total",
			"Log files deleted by Docker that were given up before they were read to their end, because of hold-bytes."),
		gaveUpBytes: counter("hold_given_up_bytes_total", "Bytes of those files that were not read; of compressed ones as they are stored."),
		reconnects:  counter("api_reconnects_total", "Log streams of the Docker API that were opened again after a cut."),
		pushDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "push_duration_seconds", Help: "Time from the start of a push to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		delivery: newHistogram(
			desc("delivery_seconds", "Time from Docker's timestamp of an entry to the sink's acknowledgement."),
			[]float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400}),
	}
	m.registry.MustRegister(append(inTurn{m.lines.vec, m.lineBytes.vec, m.rejected.vec, m.retries.vec, m.pushes.vec,
		m.cut, m.corrupt, m.gaveUpFiles, m.gaveUpBytes, m.pushBytes, m.reconnects, m.pushDuration, m.delivery,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}, others...))
	return m
}

// inTurn collects from one after another. A registry would have a goroutine for each,
// which gains nothing where they do not wait for anything, and shows as goroutines of
// the process in what is collected.
type inTurn []prometheus.Collector

// Describe implements prometheus.Collector.
func (all inTurn) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range all {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (all inTurn) Collect(ch chan<- prometheus.Metric) {
	for _, c := range all {
		c.Collect(ch)
	}
}

// Read counts entries read on a route and the bytes of their text.
func (m *Metrics) Read(route string, lines, bytes int) {
	m.lines.add(route, lines)
	m.lineBytes.add(route, bytes)
}

// Rejected counts entries that the sink refused for good.
func (m *Metrics) Rejected(reason string, lines int) { m.rejected.add(reason, lines) }

// Cut counts lines that were cut because they are too long.
func (m *Metrics) Cut(lines int) { m.cut.Add(float64(max(lines, 0))) }

// Corrupt counts stored records that could not be decoded.
func (m *Metrics) Corrupt(records int) { m.corrupt.Add(float64(max(records, 0))) }

// GaveUp counts a log file that was given up with so many bytes unread.
func (m *Metrics) GaveUp(unread int64) {
	m.gaveUpFiles.Inc()
	m.gaveUpBytes.Add(float64(max(unread, 0)))
}

// Pushed counts one push. The outcome is "accepted", "retry", "too_large" or
// "refused"; bytes is the size of the lines in it.
func (m *Metrics) Pushed(outcome string, took time.Duration, bytes int) {
	m.pushes.add(outcome, 1)
	m.pushDuration.Observe(took.Seconds())
	m.pushBytes.Add(float64(max(bytes, 0)))
}

// Retried counts a push that will be repeated, with a short constant reason.
func (m *Metrics) Retried(reason string) { m.retries.add(reason, 1) }

// Reconnected counts a log stream that was opened again after a cut.
func (m *Metrics) Reconnected() { m.reconnects.Inc() }

// ObserveDelivery notes that n entries were acknowledged that many seconds
// after Docker's timestamp. Its cost does not depend on n.
func (m *Metrics) ObserveDelivery(seconds float64, n int) { m.delivery.observe(seconds, n) }

// maxSeries bounds the values of a label, which may come from a sink's answer.
// Those beyond it are counted together as "other".
const maxSeries = 32

const otherValue = "other"

// series is counters by the values of one label. Unlike a CounterVec it has a
// bounded number of them, and it finds one without allocating.
type series struct {
	vec *prometheus.CounterVec
	// mu guards byValue. After the start the values are known and only read.
	mu      sync.RWMutex
	byValue map[string]prometheus.Counter
}

// newSeries makes counters; those of the given values are there from the start.
func newSeries(name, help, label string, values ...string) *series {
	s := &series{
		vec:     prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, []string{label}),
		byValue: make(map[string]prometheus.Counter),
	}
	for _, v := range values {
		s.get(v)
	}
	return s
}

func (s *series) add(value string, n int) {
	if n <= 0 {
		return
	}
	s.mu.RLock()
	c, ok := s.byValue[value]
	s.mu.RUnlock()
	if !ok {
		c = s.get(value)
	}
	c.Add(float64(n))
}

// get makes the counter of a value.
func (s *series) get(value string) prometheus.Counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.byValue[value]; ok {
		return c
	}
	if len(s.byValue) >= maxSeries || len(value) > maxText {
		return s.vec.WithLabelValues(otherValue)
	}
	c := s.vec.WithLabelValues(bounded(value))
	s.byValue[value] = c
	return c
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}
