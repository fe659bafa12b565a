package target

import (
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/owner"
)

// TestWarning: what an operator should know of labels is on the page, in one line.
func TestWarning(t *testing.T) {
	rules := &Rules{Labeler: Labeler{Names: Names{"container": "", "service_name": ""}}, Cardinality: NewCardinality(2, []string{"container"}, nil)}
	e := newEngine()
	for id, c := range map[string]*logs.Container{
		"1": {Name: "a", Image: "x", Running: true}, "2": {Name: "b", Image: "x", Running: true}, "3": {Name: "c", Image: "x"},
		"4": {Name: "d", Image: "y", Problem: "label z is cut"}, "5": {Name: "e", Image: "w"}, "6": {Name: "f", Image: "z", Labels: map[string]string{owner.Enable: "false"}, Problem: "cut"},
	} {
		c.ID, e.containers[id] = id, c
	}
	d := New(Config{Source: e, Rules: rules, Log: slogDiscard()})
	if got := d.Warning(); got != "" {
		t.Errorf("without containers: %q", got)
	}
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "1 container has labels that are too long for Loki and were cut (first: d); " +
		"1 container has the same labels as another that runs, and Loki refuses what one of them wrote an hour before the other: give them a label that tells them apart (first: b); " +
		"label image had 3 values or more within a day (such as w, x, y): each makes a stream of its own in Loki"
	if got := d.Warning(); got != want {
		t.Errorf("is  %s\nnot %s", got, want)
	}
}
