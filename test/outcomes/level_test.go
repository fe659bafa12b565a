package outcomes

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/stage/level"
	"github.com/lighterman/lighterman/test/lokitest"
)

// TestLevels: what is left to Loki it finds as lighterman's own detection does, and what it does
// not find, or mistakes, is set.
func TestLevels(t *testing.T) {
	s := newScene(t, lokitest.Shared(t))
	lines := []string{
		`{"level":"info","msg":"x"}`, `{"time":"2026","level":"WARN","msg":"error in text"}`, `{"level":"dbg","a":"b"}`, `t=1 level=error msg="x"`, `level=wrn msg=x`,
		`{"level":30,"msg":"an error"}`, `{"level":60}`, `{"level":"notice"}`, `{"a":{"b":{"c":{"level":"error"}}}}`, `{"severity":"ALERT"}`, `{"@t":"2026","@l":"Warning","@mt":"x"}`,
		`{"t":{"$date":"2026-11-29T12:00:00.000+00:00"},"s":"E","c":"NETWORK","msg":"x"}`,
		"INFO text", "2026-11-29 12:00:00 ERROR text", "warning: text", "[DEBUG] text", "2026-11-29 12:00:00.123 WARN text=5", "12:00:00.123 [main] DEBUG c.e.Main - text",
		`E0806 10:15:00.123456       1 reflector.go:138] info`, `<11>Nov 29 12:00:00 host app[1]: text`, "\x1b[31mERROR\x1b[0m text", "NOTICE: text", "SEVERE: text", "PANIC: text",
		`2026-11-29 12:00:00.123 UTC [1] LOG:  database system is ready`, "1:M 29 Nov 2026 12:00:00.123 # text",
	}
	labels := logs.NewLabels(map[string]string{"test": s.name}, map[string]string{"container_id": "1"})
	b := &logs.Batch{}
	for i, line := range lines {
		b.Add(labels, logs.Entry{Time: s.now.UnixNano() + int64(i), Line: []byte(line), Extra: stage.LevelMissed([]byte(line))})
	}
	if out := s.client.Push(t.Context(), b); out.Kind != logs.Accepted {
		t.Fatalf("%+v", out)
	}
	left := 0
	for _, e := range s.loki.Await(t, fmt.Sprintf("{test=%q}", s.name), len(lines), time.Minute) {
		want := level.Detect([]byte(e.Line))
		if got := e.Metadata["detected_level"]; got != want.String() || want == level.Unknown {
			t.Errorf("%v instead of %v: %s", got, want, e.Line)
		}
		if stage.LevelMissed([]byte(e.Line)) == nil {
			left++
		}
	}
	if left < 8 || left > len(lines)/2 {
		t.Errorf("%d of %d are left to Loki", left, len(lines))
	}
}

// TestLevelIsPartOfAnEntry: why whether levels are looked for goes by the time of an entry. To
// Loki an entry that comes again with another level is another entry, and the same one where
// the level is what Loki finds by itself.
func TestLevelIsPartOfAnEntry(t *testing.T) {
	s := newScene(t, lokitest.Shared(t))
	labels := logs.NewLabels(map[string]string{"test": s.name}, map[string]string{"container_id": "1"})
	for _, with := range []bool{false, true, false, true} {
		b := &logs.Batch{}
		for i, line := range []string{`{"level":30}`, "INFO text"} {
			e := logs.Entry{Time: s.now.UnixNano() + int64(i), Line: []byte(line)}
			if with {
				e.Extra = &logs.Extra{Metadata: logs.Metadata{}.Append("detected_level", "info")}
			}
			b.Add(labels, e)
		}
		if out := s.client.Push(t.Context(), b); out.Kind != logs.Accepted {
			t.Fatalf("%+v", out)
		}
	}
	count := make(map[string]int)
	for _, e := range s.loki.All(t, fmt.Sprintf("{test=%q}", s.name)) {
		count[e.Line]++
	}
	if count[`{"level":30}`] != 2 || count["INFO text"] != 1 {
		t.Errorf("%v", count)
	}
}
