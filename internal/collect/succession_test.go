package collect

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// successor is a container that was started a second later.
func successor(name string) *logs.Container {
	c := running(name, "json-file")
	c.StartedAt = c.StartedAt.Add(time.Second)
	return c
}

func (h *host) delivered() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines)
}

// makeRoom lets those read on for which there was no room.
func (h *host) makeRoom() {
	h.mu.Lock()
	h.full = nil
	wakes := h.wakes
	h.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// TestPredecessorFirst: to Loki, the container that takes a removed one's place writes the
// same stream. What waits of the old one goes first, and nobody else has to wait for it.
func TestPredecessorFirst(t *testing.T) {
	h := newHost(t)
	h.full = map[string]bool{"1": true}
	h.write("1", 1, `old\n`)
	h.set("1", running("web", "json-file"))
	h.start()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.wakes) > 0 }, "the old one to wait for room")
	if err := os.RemoveAll(filepath.Dir(h.path("1"))); err != nil {
		t.Fatal(err)
	}
	h.set("1", nil)
	h.write("2", 2, `new\n`)
	h.set("2", successor("web"))
	for i := range 20 { // of a reader with turns, so the new one has had its own
		h.write("3", i, `x\n`)
		h.set("3", running("other", "json-file"))
		h.until(func() bool { return len(h.delivered()) > i }, "another")
	}
	if got := h.delivered(); slices.Contains(got, "web stdout 2 new") {
		t.Fatalf("before the old one: %q", got)
	}
	h.makeRoom()
	h.until(func() bool { return len(h.delivered()) == 22 }, "both")
	if got := h.delivered()[20:]; !slices.Equal(got, []string{"web stdout 1 old", "web stdout 2 new"}) {
		t.Errorf("%q", got)
	}
}

// TestPredecessorHeld: the same when the old one was removed while lighterman was down.
func TestPredecessorHeld(t *testing.T) {
	h := newHost(t)
	h.holding()
	old, fresh := longID(1), longID(2)
	h.full = map[string]bool{old: true}
	h.write(old, 1, `old\n`)
	h.set(old, running("web", "json-file"))
	h.start()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.wakes) > 0 }, "the old one to wait for room")
	h.stop()
	if err := os.RemoveAll(filepath.Dir(h.path(old))); err != nil {
		t.Fatal(err)
	}
	h.set(old, nil)
	h.write(fresh, 2, `new\n`)
	h.set(fresh, successor("web"))
	h.mu.Lock()
	h.wakes = nil
	h.mu.Unlock()
	h.start()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.wakes) > 0 }, "the old one to wait for room")
	if got := h.delivered(); len(got) != 0 {
		t.Fatalf("before the old one: %q", got)
	}
	h.makeRoom()
	h.until(func() bool { return len(h.delivered()) == 2 }, "both")
	if got := h.delivered(); !slices.Equal(got, []string{"web stdout 1 old", "web stdout 2 new"}) {
		t.Errorf("%q", got)
	}
}

// TestPrecedes: equal labels at any time, and older.
func TestPrecedes(t *testing.T) {
	h := newHost(t)
	h.start()
	start := func(id, name string, started, latest int64) *unit {
		u := h.collector.newUnit(&logs.Container{ID: id, Name: name})
		u.current.Store(&logs.Container{ID: id, Name: name, StartedAt: time.Unix(started, 0)})
		u.relabel(h.labels(u.container()), h.store)
		u.position.Last = latest
		return u
	}
	a, b := start("a", "web", 1, 0), start("b", "web", 2, 0)
	orphan, later := start("c", "web", 0, 10), start("d", "web", 0, 20)
	other := start("e", "other", 3, 0)
	for _, test := range []struct {
		first, second *unit
		want          bool
	}{
		{a, b, true}, {b, a, false}, {a, a, false}, {a, other, false}, {other, a, false},
		{orphan, a, true}, {orphan, later, true}, {later, orphan, false},
	} {
		if got := test.first.precedes(test.second); got != test.want {
			t.Errorf("%s precedes %s: %v", test.first.id, test.second.id, got)
		}
	}
	other.relabel(h.labels(&logs.Container{Name: "web"}), h.store)
	if !a.precedes(other) {
		t.Error("not after a rename")
	}
}
