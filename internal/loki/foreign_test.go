package loki

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// ours is what Loki says in its own words, which others may write, too.
var ours = []string{
	"structured metadata, but this feature is disallowed", "' includes structured metadata, but this feature is disallowed. Please see",
	"stream '{}' includes structured metadata, but this feature is disallowed", `{container="b"}`, `stream '{container="b", stream="stdout"}' `,
	"; 1 errors like: ", "9 errors like: ", "entry with timestamp 2026 ignored, reason: '", "',\nuser 'fake', total ignored: 3 out of 3 for stream: ",
	"Per stream rate limit exceeded (limit: 1B/sec)", "ingestion rate limit exceeded for user x (limit: 1 bytes/sec) while attempting to ingest '1' lines totaling '9' bytes",
	"maximum active stream limit exceeded", "message larger than max", "has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2021-01-01T00:00:00Z",
	"' has label value too long: '", "entry too far behind", "'", "\"", "\\", "\n", "{", "}", "=", ", ", "error at least one valid stream is required for ingestion", "x", "ü",
}

// hostile is a label's value made of such words.
func hostile(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(ours[r.IntN(len(ours))])
	}
	return b.String()
}

// said is an answer of Loki about a container of a batch, in one of the forms that it has,
// and what it means.
type said struct {
	name, text string
	status     int
	rejects    int
	group      bool
}

// about are all that Loki can say of the last group of a batch, whose labels are hostile.
func about(g *logs.Group, value string) []said {
	labels := g.Labels.Selector(g.Stream)
	n := g.Len()
	shard := strings.Replace(labels, "{", `{__stream_shard__="1", `, 1)
	rate := func(selector string) string {
		return "entry with timestamp 2026-01-01 00:00:00 +0000 UTC ignored, reason: 'Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '" + selector +
			"' totaling 1B, consider splitting a stream via additional labels or contact your Loki administrator to see if the limit can be increased',\n" +
			fmt.Sprintf("user 'fake', total ignored: %d out of %d for stream: %s", n, n, selector)
	}
	return []said{
		{"too old", fmt.Sprintf("entry for stream '%s' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2021-01-01T00:00:00Z", labels), 400, 1, false},
		{"too new", fmt.Sprintf("2 errors like: entry for stream '%s' has timestamp too new: 2030-01-01T00:00:00Z", labels), 400, 2, false},
		{"long", fmt.Sprintf("max entry size '10' bytes exceeded for stream '%s' while adding an entry with length '99' bytes", labels), 400, 1, false},
		{"names", fmt.Sprintf("entry for stream '%s' has 20 label names; limit 15", labels), 400, n, false},
		{"value", fmt.Sprintf("stream '%s' has label value too long: '%s'", labels, value), 400, n, false},
		{"value among others", fmt.Sprintf("1 errors like: stream '%s' has label value too long: '%s'; 1 errors like: entry for stream '{container=\"b\", stream=\"stdout\"}' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2021-01-01T00:00:00Z", labels, value), 400, n + 1, false},
		{"required", fmt.Sprintf("missing required labels 'team' for user 'fake' for stream '%s' (policy: '')", labels), 400, n, false},
		{"parsing", fmt.Sprintf("error parsing labels '%s' with error: parse error", labels), 400, n, false},
		{"behind", "entry with timestamp 2026-01-01 00:00:00 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: 2026-01-01T00:00:00Z, oldest acceptable timestamp is: 2026-01-01T01:00:00Z',\n" +
			fmt.Sprintf("user 'fake', total ignored: 2 out of %d for stream: %s", n, labels), 400, 2, false},
		{"rate", rate(labels), 429, 0, true},
		{"rate of a shard", rate(shard), 429, 0, true},
		{"rate in part", rate(labels), 400, 0, true},
		{"streams", fmt.Sprintf("maximum active stream limit exceeded when trying to create stream %s, reduce the number of active streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, user: 'fake'", labels), 429, 0, true},
	}
}

// TestS4ForeignText: whatever a label or a line holds, an answer that repeats it is about its
// container alone.
func TestS4ForeignText(t *testing.T) {
	r, rounds := rand.New(rand.NewPCG(1, 2)), 500
	if testing.Short() {
		rounds = 50
	}
	for range rounds {
		if !foreign(t, hostile(r), hostile(r)) {
			return
		}
	}
}

// FuzzForeign is TestS4ForeignText for any text.
func FuzzForeign(f *testing.F) {
	for _, text := range ours {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, value, other string) {
		foreign(t, strings.ToValidUTF8(value, "\ufffd"), strings.ToValidUTF8(other, "\ufffd"))
	})
}

func foreign(t *testing.T, value, other string) bool {
	t.Helper()
	if value == "" || other == "" {
		return true
	}
	b := &logs.Batch{}
	add := func(labels map[string]string, entries int) {
		l := logs.NewLabels(labels, map[string]string{"container_id": "1"})
		for i := range entries {
			b.Add(l, logs.Entry{Time: int64(i), Line: []byte(other)})
		}
	}
	add(map[string]string{"container": "b"}, 4)
	add(map[string]string{"container": "a", "x": value, "y": other}, 3)
	add(map[string]string{"container": "c"}, 2)
	mine := b.Groups[1]
	b.Groups[1], b.Groups[2] = b.Groups[2], mine
	for _, s := range about(mine, value) {
		out, known := classify(&reply{status: s.status, header: http.Header{"Content-Type": {"text/plain"}}, text: strings.TrimSpace(s.text)}, b)
		fail := func(why string) bool {
			t.Errorf("%s of %q and %q: %s: %+v", s.name, value, other, why, out)
			return false
		}
		if !known {
			return fail("not known")
		}
		said, _ := verdicts(strings.TrimSpace(s.text))
		for _, v := range said {
			if v.reason == reasonNoMetadata {
				return fail("metadata for all")
			}
		}
		if s.group {
			if out.Group != mine {
				return fail("not of its group")
			}
			continue
		}
		total := 0
		for _, r := range out.Rejects {
			if r.Container != "a" && (s.name != "value among others" || r.Container != "b" || r.Count != 1) {
				return fail("of another container")
			}
			total += r.Count
		}
		if out.Kind != logs.Refused || !out.Exact || total != s.rejects {
			return fail("not exact, or another number")
		}
	}
	// Where it is not Loki that speaks, a foreign text is not its verdict.
	for _, s := range []said{{text: value, status: 400}, {text: value, status: 500}, {text: "cannot take " + strconv.Quote(value), status: 400}, {text: "cannot take " + value, status: 500}} {
		out, _ := classify(&reply{status: s.status, header: http.Header{"Content-Type": {"text/plain"}}, text: "gateway: " + s.text}, b)
		if out.Group != nil || out.Kind == logs.TooLarge && !strings.Contains(value, "larger") || out.RateLimited || out.Exact {
			t.Errorf("%q: %+v", s.text, out)
			return false
		}
	}
	return true
}

// TestS4MetadataNeedsProof: that Loki takes no structured metadata is believed only of a
// request without anything of a container.
func TestS4MetadataNeedsProof(t *testing.T) {
	const disallowed = "stream '%s' includes structured metadata, but this feature is disallowed. Please see `limits_config.allow_structured_metadata` or contact your Loki administrator to enable it"
	for _, lies := range []bool{true, false} {
		var s *server
		s = newServer(t, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			body := s.bodies[len(s.bodies)-1]
			s.mu.Unlock()
			labels, _, _ := strings.Cut(body, "\n")
			if strings.Contains(body, "container_id=") && (!lies || strings.Contains(labels, `"evil"`)) {
				says(400, fmt.Sprintf(disallowed, labels), "Content-Type", "text/plain")(w, r)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
		c := newClient(t, s.URL, nil)
		push := func(name string) logs.Outcome {
			b := &logs.Batch{}
			labels := logs.NewLabels(map[string]string{"container": name, "team": "secret of " + name}, map[string]string{"container_id": "1"})
			b.Add(labels, logs.Entry{Time: 1, Line: []byte("x")})
			return c.Push(t.Context(), b)
		}
		out := push("evil")
		if lies && (out.Kind != logs.Refused || out.Exact || c.bare.has("")) {
			t.Errorf("got %+v", out)
		}
		if !lies && (out.Kind != logs.Retry || out.Misconfigured || !c.bare.has("")) {
			t.Errorf("got %+v", out)
		}
		if asked := s.bodies[1]; strings.Contains(asked, "evil") || !strings.Contains(asked, `team="lighterman"`) {
			t.Errorf("asked with %s", asked)
		}
		accepted(t, push("good"))
		if got := strings.Contains(s.bodies[len(s.bodies)-1], "container_id=1"); got != lies {
			t.Errorf("lies: %v, metadata of others: %v", lies, got)
		}
	}
}
