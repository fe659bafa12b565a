package status

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestScrape(t *testing.T) {
	s := server()
	s.Observe(snapshot)
	m := s.Metrics()
	m.Read("file", 2, 100)
	m.Rejected("too_old", 4)
	m.Cut(1)
	m.Corrupt(-1)
	m.Pushed("accepted", 30*time.Millisecond, 512)
	m.Retried("429")
	m.Reconnected()
	m.ObserveDelivery(0.2, 1000, false)
	m.ObserveDelivery(1e9, 1, false)
	m.ObserveDelivery(math.NaN(), 1, false)
	m.ObserveDelivery(-3, 1, false)
	url := serve(t, s)

	get(t, url+"/metrics").expect(t,
		`lighterman_lines_total{route="file"} 2`,
		`lighterman_lines_total{route="api"} 0`,
		`lighterman_line_bytes_total{route="file"} 100`,
		`lighterman_rejected_lines_total{reason="too_old"} 4`,
		"lighterman_cut_lines_total 1\n",
		"lighterman_corrupt_records_total 0\n",
		`lighterman_pushes_total{outcome="accepted"} 1`,
		`lighterman_pushes_total{outcome="refused"} 0`,
		`lighterman_push_retries_total{reason="429"} 1`,
		`lighterman_push_duration_seconds_bucket{le="0.05"} 1`,
		"lighterman_push_bytes_total 512\n",
		`lighterman_delivery_seconds_bucket{le="0.1"} 2`,
		`lighterman_delivery_seconds_bucket{le="0.25"} 1002`,
		`lighterman_delivery_seconds_bucket{le="+Inf"} 1003`,
		"lighterman_delivery_seconds_count 1003\n",
		"lighterman_api_reconnects_total 1\n",
		"lighterman_buffered_bytes 4096\n",
		"lighterman_engine_connected 1\n",
		"lighterman_api_streams 3\n",
		"lighterman_inotify_watches 8\n",
		"lighterman_inotify_events_total 9\n",
		"lighterman_inotify_overflows_total 2\n",
		"lighterman_checkpoint_saves_total 11\n",
		"lighterman_checkpoint_failures_total 1\n",
		"lighterman_checkpoint_unsaved_seconds 2.5\n",
		"lighterman_unreadable_containers 1\n",
		`lighterman_targets{route="file"} 2`,
		`lighterman_targets{route="unreadable"} 1`,
		`lighterman_build_info{version="v1.2.3"} 1`,
		`lighterman_container_lag_bytes{container="web",route="file"} 15`,
		`lighterman_container_lag_seconds{container="web",route="file"} 90`,
		`lighterman_container_lag_seconds{container="api",route="api"} 1.5`,
		"lighterman_goroutines ", "lighterman_open_fds ", "go_goroutines ", "process_open_fds ",
	)
	if body := get(t, url+"/metrics").body; strings.Contains(body, `lag_bytes{container="api"`) {
		t.Error("a lag that is not known is reported")
	}
}

func TestMetricsLint(t *testing.T) {
	s := server()
	s.Observe(snapshot)
	for _, add := range []func(string, int){s.Metrics().Rejected, func(r string, _ int) { s.Metrics().Retried(r) }} {
		add("reason", 1)
	}
	problems, err := promlint.New(strings.NewReader(get(t, serve(t, s)+"/metrics").body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestLabelValuesAreBounded(t *testing.T) {
	s := server()
	for i := range 3 * maxSeries {
		s.Metrics().Rejected(fmt.Sprintf("reason %d", i), 1)
	}
	s.Metrics().Rejected(strings.Repeat("x", maxText+1), 1)
	s.Metrics().Rejected("bad \xff\n", 1)
	s.Observe(func() Snapshot {
		return Snapshot{Containers: []Container{
			{Name: strings.Repeat("ü", maxText), LagBytes: is(int64(0))},
			{Name: strings.Repeat("ü", maxText) + "x", LagSeconds: is(float64(math.Inf(1)))},
			{Name: "bad \xff"},
		}}
	})
	answer := get(t, serve(t, s)+"/metrics")
	if n := strings.Count(answer.body, "lighterman_rejected_lines_total{"); n != maxSeries+1 {
		t.Errorf("%d reasons", n)
	}
	answer.expect(t, fmt.Sprintf(`lighterman_rejected_lines_total{reason="other"} %d`, 2*maxSeries+len(logs.RejectReasons)+2),
		strings.Repeat("ü", 126)+`…"`)
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := newMetrics()
	m.Rejected("too_old", 1)
	allocs := testing.AllocsPerRun(100, func() {
		m.Read("api", 1, 100)
		m.Rejected("too_old", 1)
		m.ObserveDelivery(1.5, 1000, false)
		m.Pushed("accepted", time.Second, 10)
		m.Cut(1)
		m.Corrupt(1)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestHistogramConcurrently(t *testing.T) {
	s := server()
	url := serve(t, s)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				s.Metrics().ObserveDelivery(0.25, 2, false)
				s.Metrics().Read("elsewhere", 1, 1)
			}
		})
	}
	get(t, url+"/metrics")
	wg.Wait()
	get(t, url+"/metrics").expect(t, "lighterman_delivery_seconds_sum 2000\n", "lighterman_delivery_seconds_count 8000\n",
		`lighterman_lines_total{route="elsewhere"} 4000`)
}

func BenchmarkObserveDelivery(b *testing.B) {
	m := newMetrics()
	b.ReportAllocs()
	for b.Loop() {
		m.ObserveDelivery(0.3, 1000, false)
	}
}
