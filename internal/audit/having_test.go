package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// asLoki is an entry as Loki has it.
func asLoki(e *Stored, added map[string]string) lokiquery.Entry {
	labels := map[string]string{"service_name": "found"}
	for _, p := range e.Labels.Pairs {
		labels[p.Name] = p.Value
	}
	if !e.Labels.Whole {
		labels["stream"] = e.Stream.String()
	}
	for name, value := range added {
		if labels[name] = value; value == "" {
			delete(labels, name)
		}
	}
	return lokiquery.Entry{Time: e.Time, Line: string(e.Text), Labels: labels}
}

// TestHaving: an entry is there if time, text and all labels are, whatever else there is.
func TestHaving(t *testing.T) {
	other := logs.NewLabels(map[string]string{"container": "web", "host": "h", "level": "error"}, nil)
	nameless := logs.NewLabels(map[string]string{"job": "x", "resent": "yes"}, nil)
	nameless.Whole = true
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var all []Stored
		var has []lokiquery.Entry
		var want []bool
		at := int64(1_000_000)
		for n := range 300 {
			at += rng.Int64N(4)
			e := Stored{Time: at, Stream: logs.Stream(rng.IntN(2)), Text: fmt.Appendf(nil, "line %d", n), Labels: []*logs.Labels{web, other, nameless}[rng.IntN(3)]}
			if rng.IntN(50) == 0 {
				e.Time += int64(24 * time.Hour) // moved by a stage
			}
			all = append(all, e)
			there := false
			switch rng.IntN(6) {
			case 0: // it lacks
			case 1:
				changed := asLoki(&e, nil)
				changed.Line += "!"
				has = append(has, changed)
			case 2:
				changed := asLoki(&e, nil)
				changed.Time++
				changed.Line += " later"
				has = append(has, changed)
			case 3:
				has = append(has, asLoki(&e, map[string]string{"team": "another"}))
			case 4:
				has = append(has, asLoki(&e, map[string]string{"resent": "yes"}))
				there = true
			default:
				has = append(has, asLoki(&e, map[string]string{"resent": ""}))
				there = true
			}
			want = append(want, there)
		}
		slices.SortStableFunc(has, func(a, b lokiquery.Entry) int { return int(a.Time - b.Time) })
		h := Having{Source: having(has), Naming: []string{"container", "host"}, Ignored: []string{"resent"}}
		got, err := h.Of(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("seed %d: entry %d, %+v: there %v, want %v", seed, i, all[i], got[i], want[i])
			}
		}
	}
}

// TestHavingLabels: without labels that make no difference, one more or one less is another stream.
func TestHavingLabels(t *testing.T) {
	e := Stored{Time: 5, Text: []byte("x"), Labels: web}
	for _, test := range []struct {
		what string
		of   lokiquery.Entry
		want bool
	}{
		{"the same", asLoki(&e, nil), true},
		{"one more", asLoki(&e, map[string]string{"a": "b"}), false},
		{"one less", asLoki(&e, map[string]string{"image": ""}), false},
		{"another stream", asLoki(&e, map[string]string{"stream": "stderr"}), false},
		{"a shard", asLoki(&e, map[string]string{"__stream_shard__": "1"}), true},
	} {
		h := Having{Source: having([]lokiquery.Entry{test.of}), Naming: []string{"container"}}
		if got, err := h.Of(t.Context(), []Stored{e}); err != nil || got[0] != test.want {
			t.Errorf("%s: %v, %v", test.what, got, err)
		}
	}
	failing := Having{Source: func(context.Context, string, lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
		return func(yield func(lokiquery.Entry, error) bool) { yield(lokiquery.Entry{}, errors.New("gone")) }
	}}
	if _, err := failing.Of(t.Context(), []Stored{e}); err == nil {
		t.Error("an error is lost")
	}
}

// TestStretches: what lies far from the rest is asked for by itself, in few parts.
func TestStretches(t *testing.T) {
	for _, test := range []struct {
		times []int64
		want  string
	}{
		{[]int64{5}, "[[5 6]]"},
		{[]int64{5, 5, 5}, "[[5 6]]"},
		{[]int64{1, 2, 3, 4, 5, 6, 7, 8}, "[[1 9]]"},
		{[]int64{3, 1, 2, 900}, "[[1 4] [900 901]]"},
		{[]int64{0, 100, 200, 300, 400}, "[[0 401]]"},
		{[]int64{0, 200, 400}, "[[0 1] [200 201] [400 401]]"},
	} {
		var all []Stored
		var of []int
		for i, at := range test.times {
			all, of = append(all, Stored{Time: at}), append(of, i)
		}
		if got := fmt.Sprint(stretches(all, of)); got != test.want {
			t.Errorf("%v: %s, want %s", test.times, got, test.want)
		}
	}
}
