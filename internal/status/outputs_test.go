package status

import (
	"log/slog"
	"strings"
	"testing"
)

// TestOutputs: the metrics of a further output have its name, beside those of the first, and
// /status.json says how it does.
func TestOutputs(t *testing.T) {
	s := New("127.0.0.1:0", nil, slog.New(slog.DiscardHandler))
	more := s.Output("archive")
	s.Metrics().Joined(2)
	more.Joined(3)
	lag := int64(7)
	s.Observe(func() Snapshot {
		return Snapshot{Version: "v", BufferedBytes: 11, Outputs: []OutputState{{Name: "archive", To: "http://x", Why: "it is\naway"}}}
	})
	s.ObserveOutput("archive", func() Snapshot {
		return Snapshot{Version: "v", BufferedBytes: 12, Containers: []Container{{Name: "web", ID: "1", Route: "file", LagBytes: &lag}}}
	})
	url := serve(t, s)
	answer := get(t, url+"/metrics")
	answer.expect(t, "\nlighterman_joined_lines_total 2\n", "\nlighterman_joined_lines_total{output=\"archive\"} 3\n",
		"\nlighterman_buffered_bytes 11\n", "\nlighterman_buffered_bytes{output=\"archive\"} 12\n",
		"lighterman_container_lag_bytes{container=\"web\",route=\"file\",output=\"archive\"} 7\n", "\nlighterman_build_info{version=\"v\"} 1\n")
	for _, once := range []string{"# TYPE lighterman_joined_lines_total ", "# TYPE lighterman_delivery_seconds ", "\nlighterman_goroutines", "lighterman_build_info{", "\nlighterman_config_last_reload_successful"} {
		if n := strings.Count(answer.body, once); n != 1 {
			t.Errorf("%d times %q", n, once)
		}
	}
	s.Metrics().Rejected("too_old", 3)
	more.Retried("unavailable")
	get(t, url+"/status.json").expect(t, `"name": "archive"`, `"too_old": 3`, `"unavailable": 1`, `"why": "it is away"`)
}
