package resend

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/ruleset"
)

// TestReckon: nothing counts as done as long as something older may be behind it.
func TestReckon(t *testing.T) {
	const s = int64(time.Second)
	for _, test := range []struct {
		stored       []int64
		newest, held int64
		want         string
	}{
		{[]int64{10, 20, 30}, 35, 0, "[20 30 35] 35"},
		{[]int64{10, 20, 30}, 35, 25, "[20 25 25] 25"},
		{[]int64{10, 40, 20, 50}, 50, 0, "[20 20 50 50] 50"}, // a long entry ends late
		{nil, 50, 0, "[] 50"},
	} {
		r := &past{newest: test.newest * s}
		for _, at := range test.stored {
			r.waiting = append(r.waiting, pastEntry{done: at * s})
		}
		all := r.reckon(test.held * s)
		each := make([]int64, 0, len(r.waiting))
		for _, e := range r.waiting {
			each = append(each, (e.done+assemble.Disorder)/s)
		}
		if got := fmt.Sprint(each, (all+assemble.Disorder)/s); got != test.want {
			t.Errorf("%v, newest %d, held %d: %s, want %s", test.stored, test.newest, test.held, got, test.want)
		}
	}
}

// TestAsKept: labels that the service has made structured metadata, as they had too many values,
// are no change; others are.
func TestAsKept(t *testing.T) {
	now := logs.NewLabels(map[string]string{"container": "web", "job": "7"}, map[string]string{"container_id": "x"})
	moved := logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"container_id": "x", "job": "7"})
	for _, test := range []struct {
		kept    *logs.Labels
		crowded []string
		want    *logs.Labels
	}{
		{moved, []string{"job"}, moved},
		{moved, nil, now},
		{moved, []string{"container"}, now},
		{logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"container_id": "x", "job": "8"}), []string{"job"}, now},
		{logs.NewLabels(map[string]string{"container": "old"}, map[string]string{"container_id": "x", "job": "7"}), []string{"job"}, now},
		{nil, []string{"job"}, now},
	} {
		if got := asKept(now, test.kept, test.crowded); got != test.want {
			t.Errorf("%+v, %q: %+v", test.kept, test.crowded, got)
		}
	}
}

// TestResendChanges: what is otherwise is said of the time that is sent, and of no other.
func TestResendChanges(t *testing.T) {
	at := func(hour int) int64 { return time.Date(2026, 11, 29, hour, 0, 0, 0, time.UTC).UnixNano() }
	named := func(name string) *logs.Labels { return logs.NewLabels(map[string]string{"container": name}, nil) }
	labels := []checkpoint.LabelsSince{{From: math.MinInt64, Labels: named("first")}, {From: at(5), Labels: named("second")}, {From: at(10), Labels: named("third")}}
	stages := []ruleset.Since{{From: math.MinInt64, Stages: "a"}, {From: at(8), Stages: "b"}}
	for _, test := range []struct {
		since, until int
		now, stages  string
		want         []string
	}{
		{11, 12, "third", "b", nil},
		{9, 12, "third", "b", []string{`up to 2026-11-29T10:00:00Z were sent as {container="second"`}},
		{1, 12, "third", "b", []string{`05:00:00Z were sent as {container="first"`, `10:00:00Z were sent as {container="second"`, "up to 2026-11-29T08:00:00Z went through other stages"}},
		{1, 3, "third", "a", []string{`up to now were sent as {container="first"`}},
		{11, 12, "third", "c", []string{"up to now went through other stages"}},
		{11, 12, "fourth", "b", []string{`are sent as {container="fourth"`}},
	} {
		r := &resender{period: period{since: at(test.since), until: at(test.until)}, by: &examine.Examiner{
			View: &checkpoint.View{Records: map[string]checkpoint.Record{"x": {Labels: labels}}}, Force: &ruleset.InForce{All: stages},
		}}
		got := r.changes("x", named(test.now), &ruleset.InForce{All: []ruleset.Since{{Stages: test.stages}}})
		if len(got) != len(test.want) {
			t.Errorf("%+v: %q", test, got)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%+v: %q", test, got[i])
			}
		}
		if said := r.changes("another", named(test.now), &ruleset.InForce{All: stages}); len(said) != 1 || !strings.Contains(said[0], "no position") {
			t.Errorf("of one that is not known: %q", said)
		}
		if r.of.Then = true; r.changes("x", named(test.now), &ruleset.InForce{All: stages}) != nil {
			t.Error("nothing is otherwise by the rules of then")
		}
	}
}

// TestTake: an entry counts by when it was stored or by the time that a stage has given it, but is
// the service's if it was stored after the start.
func TestTake(t *testing.T) {
	for _, test := range []struct {
		origin, at int64
		want       int
	}{
		{100, 100, 1}, {199, 199, 1}, {99, 99, 0}, {200, 200, 0},
		{99, 150, 1}, {150, 50, 1}, {250, 150, 1}, // moved
		{300, 150, 0}, {301, 199, 0},
	} {
		r := &past{period: period{since: 100, until: 200, started: 300}, origin: test.origin}
		if r.take(logs.Entry{Time: test.at}); len(r.waiting) != test.want {
			t.Errorf("stored at %d, sent as of %d: %d taken, want %d", test.origin, test.at, len(r.waiting), test.want)
		}
	}
}

// TestPieceOf: structured metadata counts for the rate and for what waits, as the text does.
func TestPieceOf(t *testing.T) {
	r := &past{period: period{until: math.MaxInt64, started: math.MaxInt64}}
	for range 10 {
		r.take(logs.Entry{Time: 1, Line: []byte("x"), Extra: &logs.Extra{Metadata: make([]byte, 1000)}})
	}
	const each = 1 + 1000 + logs.EntryOverhead
	if r.size != 10*each {
		t.Errorf("%d bytes wait, want %d", r.size, 10*each)
	}
	if n, size := pieceOf(r.waiting, 2000); n != 2 || size != 2*each {
		t.Errorf("a piece has %d entries of %d bytes, want 2 of %d", n, size, 2*each)
	}
}
