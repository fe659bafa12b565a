package status

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"github.com/lighterman/lighterman/internal/logs"
)

const namespace = "lighterman"

// Metrics counts what happens. Its methods may be called from several
// goroutines; those for lines and deliveries allocate nothing.
type Metrics struct {
	registry *prometheus.Registry

	lines, lineBytes  *series
	rejected, retries *series
	pushes, skipped   *series
	dropped           *series
	joined            prometheus.Counter
	truncated         *series
	truncatedBytes    prometheus.Counter
	rejectedStreams   prometheus.Counter
	unsure            prometheus.Counter
	rotatedAway       prometheus.Counter
	cut, cutBytes     prometheus.Counter
	corrupt           prometheus.Counter
	forged            prometheus.Counter
	gaveUpFiles       prometheus.Counter
	gaveUpBytes       prometheus.Counter
	pushBytes         prometheus.Counter
	reconnects        prometheus.Counter
	pushDuration      prometheus.Histogram
	live, backlog     *histogram
	reloadOK          prometheus.Gauge
	reloadTime        prometheus.Gauge
	verified          *verified
}

// newMetrics makes a registry of its own, with others: nothing is global.
func newMetrics(others ...prometheus.Collector) *Metrics {
	m := counters()
	all := append(m.all(), m.reloadOK, m.reloadTime, m.verified.all(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(append(all, others...))
	return m
}

// counters makes the counters, which are not registered yet.
func counters() *Metrics {
	return &Metrics{
		registry:        prometheus.NewRegistry(),
		lines:           newSeries("lines_total", "Entries read, by route.", "route", routeFile, routeJournal, routeAPI, routeHostJournal),
		lineBytes:       newSeries("line_bytes_total", "Bytes of text of the entries read, by route.", "route", routeFile, routeJournal, routeAPI, routeHostJournal),
		rejected:        newSeries("rejected_lines_total", "Entries that the sink refused for good, by reason.", "reason", logs.RejectReasons...),
		rejectedStreams: counter("rejected_streams_total", "Streams that the sink refused for their labels, with all of their entries; each counts once."),
		retries:         newSeries("push_retries_total", "Pushes that have to be repeated, by reason.", "reason", logs.RetryReasons...),
		pushes:          newSeries("pushes_total", "Pushes, by outcome.", "outcome", "accepted", "retry", "too_large", "refused"),
		skipped: newSeries("skipped_lines_total",
			"Entries that were in a log when it was opened and were left out by their time, by reason: before since, or delivered before.",
			"reason", "before_since", "delivered"),
		dropped: newSeries("dropped_lines_total", "Entries that a stage of the configuration has dropped, by its rule.", "rule"),
		joined:  counter("joined_lines_total", "Lines that became part of the entry of another line, as those of a stack trace do."),
		truncated: newSeries("truncated_logs_total",
			"Log files that somebody truncated, by whether a copy was found to go on in.", "copy", "found", "none"),
		rotatedAway: counter("rotated_away_total",
			"Times that files of a log may have gone before they were opened, rotated away or with their container, so that lines may be lost."),
		unsure: counter("unsure_resumes_total",
			"Logs that were read again from an older place at the start, as several of their files begin alike: what was delivered is left out by its time and text."),
		truncatedBytes: counter("truncated_bytes_total", "Bytes that are known to be lost, as a log was truncated before they were read and no copy was found."),
		cut:            counter("cut_lines_total", "Lines cut because they are longer than the limit."),
		cutBytes:       counter("cut_bytes_total", "Bytes left out of lines that were cut because they are longer than the limit."),
		corrupt:        counter("corrupt_records_total", "Stored log records that could not be decoded."),
		forged:         counter("journal_forged_entries_total", "Journal entries left out because another program than the engine has sent them in a container's name (journal-sender)."),
		pushBytes:      counter("push_bytes_total", "Bytes of lines pushed to the sink, repetitions included."),
		gaveUpFiles: counter("hold_given_up_files_total",
			"Log files deleted by Docker that were given up before they were read to their end, because of hold-bytes."),
		gaveUpBytes: counter("hold_given_up_bytes_total", "Bytes of those files that were not read; of compressed ones as they are stored."),
		reconnects:  counter("api_reconnects_total", "Log streams of the Docker API that were opened again after a cut."),
		pushDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "push_duration_seconds", Help: "Time from the start of a push to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		reloadOK:   gaugeOf("config_last_reload_successful", "1 if the newest configuration is in force, 0 if it could not be used and the one before stays."),
		reloadTime: gaugeOf("config_last_reload_success_timestamp_seconds", "When a configuration was loaded last that could be used, in Unix seconds."),
		verified:   newVerified(),
		live: newHistogram(
			desc("delivery_seconds", "Time from Docker's timestamp of an entry to the sink's acknowledgement, of entries written since lighterman started to logs it had caught up with."),
			deliveryBounds),
		backlog: newHistogram(
			desc("backlog_delivery_seconds", "The same of entries written before lighterman started, or to logs it had still to catch up with."), deliveryBounds),
	}
}

// all are the counters of one output.
func (m *Metrics) all() inTurn {
	return inTurn{m.lines.vec, m.lineBytes.vec, m.rejected.vec, m.retries.vec, m.pushes.vec,
		m.skipped.vec, m.dropped.vec, m.joined, m.truncated.vec, m.truncatedBytes, m.unsure, m.rotatedAway,
		m.cut, m.cutBytes, m.corrupt, m.forged, m.rejectedStreams, m.gaveUpFiles, m.gaveUpBytes, m.pushBytes, m.reconnects, m.pushDuration, m.live, m.backlog}
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

// CutBytes counts bytes that were left out of lines which were too long.
func (m *Metrics) CutBytes(bytes int) { m.cutBytes.Add(float64(max(bytes, 0))) }

// Dropped counts entries that a rule of the stages has dropped.
func (m *Metrics) Dropped(rule string, entries int) { m.dropped.add(rule, entries) }

// Joined counts lines that became part of the entry of another line.
func (m *Metrics) Joined(lines int) { m.joined.Add(float64(lines)) }

// Skipped counts entries that were left out by their time.
func (m *Metrics) Skipped(reason string, lines int) { m.skipped.add(reason, lines) }

// Truncated counts a log file that was truncated: whether a copy was found to go on in,
// or as many bytes were lost.
func (m *Metrics) Truncated(found bool, lost int64) {
	if found {
		m.truncated.add("found", 1)
		return
	}
	m.truncated.add("none", 1)
	m.truncatedBytes.Add(float64(max(lost, 0)))
}

// RotatedAway counts a start at which log files were gone that come after the place where
// reading was left.
func (m *Metrics) RotatedAway() { m.rotatedAway.Inc() }

// Unsure counts a start at which it could not be told which of several files that begin
// alike was read last.
func (m *Metrics) Unsure() { m.unsure.Inc() }

// Corrupt counts stored records that could not be decoded.
func (m *Metrics) Corrupt(records int) { m.corrupt.Add(float64(max(records, 0))) }

// StreamsRejected counts streams that the sink refused for their labels.
func (m *Metrics) StreamsRejected(streams int) { m.rejectedStreams.Add(float64(max(streams, 0))) }

// Forged counts journal entries that another program than the engine has sent.
func (m *Metrics) Forged(entries int) { m.forged.Add(float64(max(entries, 0))) }

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

// Reloaded notes that the configuration was loaded at a time, and whether it could be used.
func (m *Metrics) Reloaded(ok bool, at time.Time) {
	m.reloadOK.Set(boolean(ok))
	if ok {
		m.reloadTime.Set(float64(at.UnixMilli()) / 1000)
	}
}

// ObserveDelivery notes that n entries were acknowledged that many seconds
// after Docker's timestamp; backlog are those written before the process started, which
// say how long it was away and not how fast it is. Its cost does not depend on n.
func (m *Metrics) ObserveDelivery(seconds float64, n int, backlog bool) {
	if backlog {
		m.backlog.observe(seconds, n)
		return
	}
	m.live.observe(seconds, n)
}

// deliveryBounds are the buckets of the times of delivery, in seconds.
var deliveryBounds = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400}

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

// values are the counters that are not 0, by the values of their label.
func (s *series) values() map[string]int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[string]int64)
	for value, c := range s.byValue {
		if n := valueOf(c); n > 0 {
			out[value] = int64(n)
		}
	}
	return out
}

// total is the sum of all counters.
func (s *series) total() (sum float64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, c := range s.byValue {
		sum += valueOf(c)
	}
	return sum
}

func valueOf(c prometheus.Counter) float64 {
	var m dto.Metric
	if c.Write(&m) != nil {
		return 0
	}
	return m.GetCounter().GetValue()
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func gaugeOf(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}
