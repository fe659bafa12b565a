package outcomes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/lokitest"
)

const (
	old    = 8 * 24 * time.Hour
	future = -time.Hour
	recent = 10 * time.Minute
)

var limits = map[string]string{"max_line_size": "1KB", "max_label_value_length": "200", "max_label_names_per_series": "8"}

// poison makes containers whose labels Loki refuses.
func poison(s *scene) {
	s.container("long", map[string]string{"x": strings.Repeat("v", 300)}, nil)
	many := map[string]string{}
	for i := range 20 {
		many[fmt.Sprint("l", i)] = "v"
	}
	s.container("many", many, nil)
}

// TestRefused: what Loki's distributor refuses is known exactly, in one request,
// whatever is mixed. So is what an ingester refuses of a request's only stream.
func TestRefused(t *testing.T) {
	l := lokitest.New(t, limits)
	for _, test := range []struct {
		name    string
		before  []lines
		push    []lines
		reasons string
	}{
		{"too old", nil, []lines{{"a", 5, recent, 0}, {"a", 3, old, 0}, {"a", 2, 0, 0}}, "too_old"},
		{"one too old", nil, []lines{{"a", 1, old, 0}}, "too_old"},
		{"one of several too old", nil, []lines{{"a", 4, recent, 0}, {"b", 1, old, 0}, {"c", 1, recent, 0}}, "too_old"},
		{"too old in seconds of their own", nil, []lines{{"a", 2, old, 0}, {"a", 2, old + time.Hour, 0}, {"b", 2, old, 0}, {"b", 4, recent, 0}}, "too_old"},
		{"too new", nil, []lines{{"a", 5, recent, 0}, {"a", 3, future, 0}}, "too_new"},
		{"too new in several", nil, []lines{{"a", 5, recent, 0}, {"a", 3, future, 0}, {"b", 1, future, 0}, {"c", 1, recent, 0}}, "too_new"},
		{"too long", nil, []lines{{"a", 5, recent, 0}, {"a", 3, recent + time.Minute, 2000}}, "line_too_long"},
		{"too long in several", nil, []lines{{"a", 1, recent, 0}, {"a", 3, recent, 2000}, {"b", 2, recent, 3000}, {"b", 2, recent, 0}}, "line_too_long"},
		{"label value", nil, []lines{{"long", 4, recent, 0}}, "labels"},
		{"label value among others", nil, []lines{{"a", 3, recent, 0}, {"long", 4, recent, 0}, {"b", 2, recent, 0}}, "labels"},
		{"too many labels", nil, []lines{{"many", 4, recent, 0}}, "labels"},
		{"too many labels among others", nil, []lines{{"many", 4, recent, 0}, {"a", 3, recent, 0}, {"long", 2, recent, 0}}, "labels"},
		{"of everything", nil, []lines{{"many", 4, recent, 0}, {"a", 3, recent, 0}, {"a", 2, old, 0}, {"b", 2, future, 0}, {"b", 1, recent, 2000}, {"c", 1, recent, 0}},
			"labels line_too_long too_new too_old"},
		{"too far behind", []lines{{"a", 3, 0, 0}}, []lines{{"a", 40, 2 * time.Hour, 0}, {"a", 3, recent, 0}}, "too_far_behind"},
		{"all too far behind", []lines{{"a", 3, 0, 0}}, []lines{{"a", 40, 2 * time.Hour, 0}}, "too_far_behind"},
		{"too far behind in itself", nil, []lines{{"a", 3, recent, 0}, {"a", 5, 2 * time.Hour, 0}, {"a", 3, 0, 0}}, "too_far_behind"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t, l)
			poison(s)
			if test.before != nil {
				s.accepted(test.before...)
			}
			out := s.push(test.push...)
			if out.Kind != logs.Refused || !out.Exact {
				t.Fatalf("got %+v", out)
			}
			if got := reasons(out); got != test.reasons {
				t.Errorf("got %q, want %q: %v", got, test.reasons, out.Err)
			}
			s.expectLost(rejected(out))
		})
	}
}

func reasons(out logs.Outcome) string {
	set := map[string]bool{}
	for _, r := range out.Rejects {
		set[r.Reason] = true
	}
	return strings.Join(sortedKeys(set), " ")
}

// TestUnclear: these are refused without exactness, and have to be sent in parts.
func TestUnclear(t *testing.T) {
	l := lokitest.New(t, limits)
	behind := lines{"a", 5, 2 * time.Hour, 0}
	for name, parts := range map[string][]lines{
		"behind in the last of several streams":    {{"b", 3, recent, 0}, behind, {"a", 2, recent, 0}},
		"behind and refused before, in one stream": {behind, {"a", 2, old, 0}, {"a", 2, recent, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, l)
			s.accepted(lines{"a", 1, 0, 0})
			out := s.push(parts...)
			if out.Kind != logs.Refused || out.Exact {
				t.Fatalf("got %+v", out)
			}
		})
	}
}

// TestStructuredMetadata: a Loki that takes none gets the lines without.
func TestStructuredMetadata(t *testing.T) {
	l := lokitest.New(t, map[string]string{"allow_structured_metadata": "false"})
	s := newScene(t, l)
	s.container("with", nil, map[string]string{"container_id": "1"})
	b := s.batch(lines{"with", 4, recent, 0}, lines{"without", 3, recent, 0})
	if out := s.client.Push(t.Context(), b); out.Kind != logs.Retry || out.Misconfigured {
		t.Fatalf("got %+v", out)
	}
	if out := s.client.Push(t.Context(), b); out.Kind != logs.Accepted {
		t.Fatalf("got %+v", out)
	}
	if lost := s.lost(); len(lost) > 0 {
		t.Errorf("lost %v", lost)
	}
}

func TestProbe(t *testing.T) {
	s := newScene(t, lokitest.Shared(t))
	if out := s.client.Probe(t.Context()); out.Kind != logs.Accepted {
		t.Errorf("got %+v", out)
	}
}
