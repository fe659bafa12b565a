package outcomes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/lokitest"
)

// TestS4ForeignText: labels that hold Loki's own words, which it repeats, say nothing of
// other containers: what is refused is told exactly, and the others have all of theirs.
func TestS4ForeignText(t *testing.T) {
	l := lokitest.New(t, limits)
	for i, words := range []string{
		"' includes structured metadata, but this feature is disallowed. Please see `limits_config.allow_structured_metadata`",
		"stream '{container=\"good\"}' includes structured metadata, but this feature is disallowed",
		"x'; 1 errors like: entry for stream '{container=\"good\", stream=\"stdout\"}' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2021-01-01T00:00:00Z",
		"x'; 7 errors like: stream '{container=\"good\"}' has label value too long: 'x",
		"entry with timestamp 2026 ignored, reason: 'entry too far behind',\nuser 'fake', total ignored: 3 out of 3 for stream: {container=\"good\"}",
		"Per stream rate limit exceeded (limit: 1B/sec) ingestion rate limit exceeded for user fake (limit: 1 bytes/sec) while attempting to ingest '1' lines totaling '9' bytes",
		"maximum active stream limit exceeded rpc error: grpc: received message larger than max",
		"'\"\\{}\n\t\u2028ü=, ",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := newScene(t, l)
			s.container("good", nil, map[string]string{"container_id": "1"})
			s.container("short", map[string]string{"x": words[:min(len(words), 150)]}, nil)
			s.container("long", map[string]string{"x": words + strings.Repeat(" ", 200), "y": words + strings.Repeat("'", 200)}, nil)
			for _, push := range [][]lines{
				{{"good", 3, recent, 0}, {"short", 2, recent, 0}, {"long", 4, recent, 0}, {"good", 2, recent, 0}},
				{{"long", 4, recent, 0}, {"short", 3, old, 0}, {"short", 2, recent, 2000}, {"good", 2, recent, 0}},
				{{"short", 2, future, 0}, {"short", 2, recent, 0}},
			} {
				out := s.push(push...)
				if out.Kind != logs.Refused || !out.Exact {
					t.Fatalf("got %+v", out)
				}
				for _, r := range out.Rejects {
					if r.Container == "good" {
						t.Errorf("rejected of another container: %+v", r)
					}
				}
			}
			s.accepted(lines{"short", 3, 0, 0})
			if out := s.push(lines{"short", 5, 2 * recent * 6, 0}); out.Kind != logs.Refused || !out.Exact || reasons(out) != "too_far_behind" {
				t.Errorf("got %+v", out)
			}
			s.accepted(lines{"good", 3, 0, 0})
			if lost := s.lost(); lost["good"] != 0 || lost["long"] != 8 || lost["short"] != 12 {
				t.Errorf("lost %v", lost)
			}
			for _, e := range s.loki.All(s, fmt.Sprintf("{test=%q, container=\"good\"}", s.name)) {
				if e.Metadata["container_id"] != "1" {
					t.Errorf("without its metadata: %+v", e)
				}
			}
		})
	}
}
