package loki

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/lokitest"
)

// TestLokiReadsIt compares what Loki has with what was encoded.
func TestLokiReadsIt(t *testing.T) {
	l := lokitest.Shared(t)
	c := newClient(t, l.URL, nil)
	accepted(t, c.Probe(t.Context()))
	base := time.Now().Add(-time.Minute).Truncate(time.Second).UnixNano()
	test := fmt.Sprint(t.Name(), base) // the Loki is shared with other runs
	lines := []string{"", "one", "emoji 🚢 \x00 \u2028 \"quoted\" \\ `", strings.Repeat("x", 127), strings.Repeat("y", 128), strings.Repeat("z", 1<<16), "last\r"}
	names := []string{`we"b\` + "\n\t", "db 🚢", "\u0085\u200b\ufeff\U0001F600"}
	var b logs.Batch
	want := map[string]int64{}
	for _, name := range names {
		labels := logs.NewLabels(map[string]string{"test": test, "service_name": "s", "container": name}, map[string]string{"container_id": "id of " + name})
		for s := range logs.Stream(logs.Streams) {
			for k, line := range lines {
				at := base + int64(k)*999_999_999
				entry := logs.Entry{Time: at, Line: []byte(line), Stream: s}
				if k%2 == 1 { // only some have metadata of their own
					entry.Extra = &logs.Extra{Metadata: logs.Metadata(nil).Append("line_size", fmt.Sprint(len(line))).Append("trace", "🚢")}
				}
				b.Add(labels, entry)
				want[fmt.Sprint(name, "|", s, "|", line)] = at
			}
		}
	}
	accepted(t, c.Push(t.Context(), &b))
	// Stored once, as long as the streams' rates are too low to be sharded.
	accepted(t, c.Push(t.Context(), &b))
	entries := l.Await(t, fmt.Sprintf("{test=%q}", test), b.Entries, 10*time.Second)
	got := map[string]int64{}
	for _, e := range entries {
		got[fmt.Sprint(e.Labels["container"], "|", e.Labels["stream"], "|", e.Line)] = e.Time
		if e.Metadata["container_id"] != "id of "+e.Labels["container"] {
			t.Errorf("metadata %v of %v", e.Metadata, e.Labels)
		}
		size, trace := "", ""
		if k := slices.Index(lines, e.Line); k%2 == 1 {
			size, trace = fmt.Sprint(len(e.Line)), "🚢"
		}
		if e.Metadata["line_size"] != size || e.Metadata["trace"] != trace {
			t.Errorf("metadata %v of %.20q", e.Metadata, e.Line)
		}
	}
	if len(entries) != b.Entries || !maps.Equal(got, want) {
		t.Errorf("%d entries, want %d; got %.2000s", len(entries), b.Entries, fmt.Sprint(got))
	}
}
