package collect

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// successor is a container that was started a second later.
func successor(name, driver string) *logs.Container {
	c := running(name, driver)
	c.StartedAt = c.StartedAt.Add(time.Second)
	return c
}

func (h *host) delivered() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines)
}

// remove is `docker rm`.
func (h *host) remove(id string) {
	h.t.Helper()
	if err := os.RemoveAll(filepath.Dir(h.path(id))); err != nil {
		h.t.Fatal(err)
	}
	h.set(id, nil)
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
	h.remove("1")
	h.write("2", 2, `new\n`)
	h.set("2", successor("web", "json-file"))
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

// TestPredecessorOfOneMadeBefore: as Docker Compose does it: the new one is made under
// another name while the old one is there, is renamed when that is gone, and then started.
func TestPredecessorOfOneMadeBefore(t *testing.T) {
	h := newHost(t)
	h.full = map[string]bool{"1": true}
	h.write("1", 1, `old\n`)
	h.set("1", running("web", "json-file"))
	if err := os.MkdirAll(filepath.Dir(h.path("2")), 0o700); err != nil {
		t.Fatal(err)
	}
	h.set("2", &logs.Container{Name: "x_web", Driver: "json-file"})
	h.start()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.wakes) > 0 }, "the old one to wait for room")
	h.remove("1")
	h.set("2", &logs.Container{Name: "web", Driver: "json-file"})
	for i := range 20 {
		h.write("3", i, `x\n`)
		h.set("3", running("other", "json-file"))
		h.until(func() bool { return len(h.delivered()) > i }, "another")
		if i == 0 { // the rename has been noticed, too
			h.write("2", 2, `new\n`)
			h.set("2", successor("web", "json-file"))
		}
	}
	h.makeRoom()
	h.until(func() bool { return len(h.delivered()) == 22 }, "both")
	if got := h.delivered()[20:]; !strings.HasSuffix(got[0], "old") || !strings.HasSuffix(got[1], "new") {
		t.Errorf("%q", got)
	}
}

// TestStoppedPredecessorFirst: Swarm keeps the stopped tasks of before an update. What waits
// of one goes first, and one that was read holds nobody up, also when it is started again.
func TestStoppedPredecessorFirst(t *testing.T) {
	h := newHost(t)
	h.full = map[string]bool{"1": true}
	h.write("1", 1, `old\n`)
	h.write("2", 2, `new\n`)
	h.set("1", stopped("web", "json-file"))
	h.set("2", successor("web", "json-file"))
	h.start()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.wakes) > 0 }, "the old one to wait for room")
	for i := range 20 {
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
	h.set("1", running("web", "json-file"))
	h.write("2", 3, `newer\n`)
	h.until(func() bool { return slices.Contains(h.delivered(), "web stdout 3 newer") }, "what is newer")
	h.set("1", stopped("web", "json-file"))
	h.write("2", 4, `newest\n`)
	h.until(func() bool { return slices.Contains(h.delivered(), "web stdout 4 newest") }, "what is newest")
}

// TestPredecessorUnanswered: the old one was read to its end and is not in the running set
// any more, but the sink has not answered.
func TestPredecessorUnanswered(t *testing.T) {
	h := newHost(t)
	h.unanswered, h.holdBack = true, true
	h.write("1", 1, `old\n`)
	h.set("1", running("web", "json-file"))
	h.start()
	h.await("web stdout 1 old")
	h.remove("1")
	h.until(func() bool { all, _ := h.collector.Snapshot(); return len(all) == 0 }, "the old one to go")
	h.write("2", 2, `new\n`)
	h.set("2", successor("web", "json-file"))
	h.write("3", 3, `x\n`)
	h.set("3", running("other", "json-file"))
	h.until(func() bool { return len(h.delivered()) == 2 }, "the other")
	h.write("3", 4, `x\n`)
	h.until(func() bool { return len(h.delivered()) == 3 }, "the other again")
	h.mu.Lock()
	acks := h.acks
	h.acks, h.unanswered = nil, false
	h.mu.Unlock()
	if got := h.delivered(); slices.Contains(got, "web stdout 2 new") {
		t.Fatalf("before the answer: %q", got)
	}
	if !slices.Contains(h.store.IDs(), "1") {
		t.Error("the position was forgotten before the answer")
	}
	for _, ack := range acks {
		ack()
	}
	h.until(func() bool { return slices.Contains(h.delivered(), "web stdout 2 new") }, "the new one")
}

// TestPredecessorsHeld: the same when the old ones were removed while lighterman was down,
// whatever the order of their IDs.
func TestPredecessorsHeld(t *testing.T) {
	for _, ids := range [][]string{{longID(1), longID(2)}, {longID(2), longID(1)}} {
		h := newHost(t)
		h.holding()
		h.full = map[string]bool{ids[1]: true} // nothing of it is delivered
		h.write(ids[0], 1, `one\n`)
		h.write(ids[1], 2, `one\n`)
		h.set(ids[0], running("web", "json-file"))
		h.set(ids[1], successor("web", "json-file"))
		h.start()
		h.await("web stdout 1 one")
		h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.wakes) > 0 }, "the second to wait for room")
		h.stop()
		h.full = nil
		h.write(ids[0], 3, `two\n`)
		h.write(ids[1], 4, `two\n`)
		for _, id := range ids {
			h.remove(id)
		}
		h.write("3", 5, `three\n`)
		h.set("3", successor("web", "json-file"))
		h.start()
		h.until(func() bool { return len(h.delivered()) == 5 }, "all")
		if got := h.delivered()[1:]; !slices.Equal(got, []string{"web stdout 3 two", "web stdout 2 one", "web stdout 4 two", "web stdout 5 three"}) {
			t.Errorf("%q", got)
		}
		h.stop()
	}
}

// TestPredecessorComesBack: the engine takes back that it was removed, so nobody waits.
func TestPredecessorComesBack(t *testing.T) {
	h := newHost(t)
	h.full = map[string]bool{"1": true}
	h.write("1", 1, `old\n`)
	h.set("1", running("web", "json-file"))
	h.start()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.wakes) > 0 }, "the old one to wait for room")
	h.set("1", nil)
	h.write("2", 2, `new\n`)
	h.set("2", successor("web", "json-file"))
	h.until(func() bool { all, _ := h.collector.Snapshot(); return len(all) == 2 }, "both to be there")
	h.set("1", running("web", "json-file"))
	h.await("web stdout 2 new")
}

// TestPrecedes: equal labels at any time, and older.
func TestPrecedes(t *testing.T) {
	h := newHost(t)
	h.start()
	h.stop()
	start := func(id, name string, started, latest int64) *unit {
		u := h.collector.newUnit(&logs.Container{ID: id, Name: name})
		u.current.Store(&logs.Container{ID: id, Name: name, StartedAt: time.Unix(started, 0)})
		u.producer.Relabel(h.labels(u.container()))
		u.position.Last = latest
		return u
	}
	a, b := start("a", "web", 1, 0), start("b", "web", 2, 0)
	orphan, later, latest := start("c", "web", 0, 10), start("d", "web", 0, 20), start("g", "web", 0, 0)
	other, created := start("e", "other", 3, 0), start("f", "web", 0, 0)
	created.current.Store(&logs.Container{ID: "f", Name: "web"})
	// Gone before anybody could ask when they were started.
	early, late := start("h", "web", 0, 0), start("i", "web", 0, 0)
	for i, u := range []*unit{early, late} {
		u.current.Store(&logs.Container{ID: u.producer.ID, Name: "web"})
		u.fate.presence, u.made = removed, time.Unix(int64(10+i), 0)
	}
	for _, test := range []struct {
		first, second *unit
		want          bool
	}{
		{a, b, true}, {b, a, false}, {a, a, false}, {a, other, false}, {other, a, false},
		{created, a, false}, {a, created, true}, {orphan, a, true}, {orphan, later, true}, {later, orphan, false},
		{later, latest, true}, {latest, orphan, false},
		{a, early, true}, {early, a, false}, {early, late, true}, {late, early, false}, {late, created, true},
	} {
		h.collector.succession.leaving = map[*unit]bool{test.first: true}
		h.collector.succession.renew(h.collector.units)
		if got := slices.Contains(h.collector.succession.predecessors(test.second), test.first.producer); got != test.want {
			t.Errorf("%s precedes %s: %v", test.first.producer.ID, test.second.producer.ID, got)
		}
	}
	other.producer.Relabel(h.labels(&logs.Container{Name: "web"}))
	h.collector.succession.leaving = map[*unit]bool{a: true}
	h.collector.succession.renew(h.collector.units)
	if len(h.collector.succession.predecessors(other)) != 1 {
		t.Error("not after a rename")
	}
}

// TestManyPredecessors: the one container after another that the sink was away for.
func TestManyPredecessors(t *testing.T) {
	h := newHost(t)
	const all = 200
	h.full = map[string]bool{"0": true}
	for i := range all {
		id := strconv.Itoa(i)
		h.write(id, i, `x\n`)
		c := successor("job", "json-file")
		c.StartedAt = c.StartedAt.Add(time.Duration(i) * time.Second)
		h.set(id, c)
	}
	h.start()
	h.until(func() bool { return len(h.delivered()) == all-1 }, "all but the first")
	h.mu.Lock()
	h.lines = nil
	h.mu.Unlock()
	for i := range all {
		id := strconv.Itoa(i)
		h.write(id, all+i, `y\n`)
		if i > 0 {
			continue
		}
		h.mu.Lock()
		for i := range all {
			h.full[strconv.Itoa(i)] = true
		}
		h.mu.Unlock()
	}
	for i := range all {
		h.remove(strconv.Itoa(i))
	}
	h.known() // before that they are running, and nobody's predecessors
	h.makeRoom()
	h.until(func() bool { return len(h.delivered()) == all+1 }, "the rest")
	if got := h.delivered(); !slices.IsSortedFunc(got, func(a, b string) int { return cmp.Compare(at(t, a), at(t, b)) }) {
		t.Errorf("%q", got)
	}
}

// at is the time of a line as the host's lane notes it.
func at(t *testing.T, line string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.Fields(line)[2])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
