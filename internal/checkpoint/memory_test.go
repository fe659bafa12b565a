package checkpoint

import (
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestMemory(t *testing.T) {
	m := NewMemory()
	p := logs.Position{Last: 5}
	p.Newest[logs.Stdout] = logs.HighWaterMark{Time: 5, Hashes: []uint64{1, 2}}
	m.Commit("b", p)
	p.Newest[logs.Stdout].Hashes[0] = 99 // it is the caller's
	m.SetLabels("a", []LabelsSince{{From: 3, Labels: &logs.Labels{}}})
	if r, ok := m.Get("b"); !ok || r.ID != "b" || r.Position.Last != 5 || !slices.Equal(r.Position.Newest[logs.Stdout].Hashes, []uint64{1, 2}) {
		t.Errorf("got %+v %v", r, ok)
	}
	m.Commit("a", logs.Position{Last: 7})
	if r, _ := m.Get("a"); len(r.Labels) != 1 || r.Position.Last != 7 {
		t.Errorf("a commit or the labels are gone: %+v", r)
	}
	m.Flush()
	if got := m.IDs(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("there are %v", got)
	}
	called := 0
	m.AfterSave(func() { called++; m.Forget("b") }) // it may come back to us
	if called != 0 {
		t.Error("called before a save")
	}
	for range 2 {
		if err := m.SaveAgain(); err != nil {
			t.Error(err)
		}
	}
	if m.Stats() != (Stats{}) || m.Born().IsZero() {
		t.Error("there is something to tell of what is in memory")
	}
	if _, ok := m.Get("b"); ok || called != 1 {
		t.Errorf("called %d times, forgotten: %v", called, !ok)
	}
}
