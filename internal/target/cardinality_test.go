package target

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestGuard: a label with more values within a day than it should have is named once, with
// examples, and moved where that is wanted.
func TestGuard(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := NewCardinality(0, []string{"container"}, func(label string) bool { return label == "commit" })
	of := func(i int) *logs.Labels {
		l := logs.NewLabels(map[string]string{"container": "web", "commit": fmt.Sprintf("c%04d", i)}, nil)
		l.Stderr = logs.NewLabels(map[string]string{"container": "web", "build": fmt.Sprintf("b%04d", i%101)}, nil)
		return l
	}
	var found []HighCardinality
	for i := range 1000 {
		found = append(found, c.Observe(start.Add(time.Duration(i)*time.Second), of(i), 1)...)
		if i == 99 && len(found) > 0 || i == 100 && len(found) != 2 {
			t.Fatalf("after %d values %+v", i+1, found)
		}
	}
	if len(found) != 2 || found[0].Label != "commit" || !found[0].Moved || found[1].Label != "build" || found[1].Moved || found[0].Values != 101 || len(found[0].Examples) != maxExamples || found[0].Examples[0] != "c0000" {
		t.Errorf("%+v", found)
	}
	if got := c.Moved(); !slices.Equal(got, []string{"commit"}) {
		t.Errorf("moved are %v", got)
	}
	if n := len(c.labels["commit"].values); n != 101 {
		t.Errorf("%d values are kept", n)
	}
	// A day later what has no more values is well again, and what was moved stays so.
	later := start.Add(48 * time.Hour)
	if got := c.High(later, 1); len(got) != 1 || got[0].Label != "commit" || !got[0].Moved || len(c.labels) != 1 {
		t.Errorf("a day later %+v", got)
	}
	if got := c.Observe(later, of(1), 1); len(got) != 0 {
		t.Errorf("named again: %+v", got)
	}
}

// TestGuardWindow: values count for a day, from when they were there last.
func TestGuardWindow(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := NewCardinality(3, nil, nil)
	observe := func(value string) int {
		return len(c.Observe(at, logs.NewLabels(map[string]string{"l": value}, nil), 5))
	}
	for i := range 50 { // one each half day, and one that stays
		at = at.Add(13 * time.Hour)
		if n := observe(fmt.Sprint(i)) + observe("stays"); n != 0 {
			t.Fatalf("%d values within a day are too many after %d", len(c.labels["l"].values), i)
		}
	}
	for i := range 3 {
		if n := observe(fmt.Sprint("more", i)); n != 0 {
			if got := c.High(at, 5); len(got) != 1 || got[0].Values != 4 {
				t.Errorf("%+v", got)
			}
			return
		}
	}
	t.Error("four values within a day are not too many")
}

// TestGuardBounds: whatever labels there are, no more is kept than is needed.
func TestGuardBounds(t *testing.T) {
	c := NewCardinality(10, nil, nil)
	for i := range 5000 {
		c.Observe(time.Unix(0, 0), logs.NewLabels(map[string]string{fmt.Sprint("l", i): "v", "l1": fmt.Sprint(i)}, nil), 5)
	}
	if len(c.labels) != maxWatched || len(c.labels["l1"].values) != 11 {
		t.Errorf("%d labels and %d values are kept", len(c.labels), len(c.labels["l1"].values))
	}
	var none *Cardinality
	if none.Moved() != nil || none.High(time.Now(), 0) != nil {
		t.Error("none finds something")
	}
}

// TestMovedLabels: when a label is moved, all containers have it as structured metadata, and
// are labelled anew.
func TestMovedLabels(t *testing.T) {
	rules := &Rules{Labeler: *relabeled(t, `[{source_labels: [__meta_docker_container_label_commit], target_label: commit}]`, nil), Cardinality: NewCardinality(2, []string{"container"}, func(string) bool { return true })}
	e := newEngine()
	d := New(Config{Source: e, Rules: rules, Log: slogDiscard()})
	for i := range 3 {
		id := fmt.Sprint(i)
		e.containers[id] = &logs.Container{ID: id, Name: "web", Labels: map[string]string{"commit": fmt.Sprint("c", i)}}
	}
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-d.Updates():
	default:
		t.Error("nobody hears of it")
	}
	wanted, _ := d.Wanted()
	for id, c := range wanted {
		got := d.Labels(c)
		if got.Get("commit") != "" || !slices.Contains(got.Metadata, logs.Label{Name: "commit", Value: "c" + id}) {
			t.Errorf("%s has %v and %v", id, got.Pairs, got.Metadata)
		}
	}
	if got := d.HighCardinality(); len(got) != 1 || got[0].Label != "commit" {
		t.Errorf("%+v", got)
	}
}

// TestCardinalityOfContainers: that each container has a name is not too many values, but that there was a
// hundred more of them in a day is.
func TestCardinalityOfContainers(t *testing.T) {
	c, at := NewCardinality(0, []string{"container"}, nil), time.Unix(0, 0)
	for i := range 1000 {
		found := c.Observe(at, logs.NewLabels(map[string]string{"container": fmt.Sprint("job", i)}, nil), 300)
		if (i == 400) != (len(found) == 1) {
			t.Errorf("%d containers: %+v", i+1, found)
		}
	}
	if got := c.High(at, 300); len(got) != 1 || got[0].Values != 401 {
		t.Errorf("%+v", got)
	}
	if got := c.High(at, 900); len(got) != 0 {
		t.Errorf("with as many containers %+v", got)
	}
}
