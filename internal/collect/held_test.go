package collect

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/logs"
)

// holding makes the host hold files, in a directory that is opened again with
// each start.
func (h *host) holding() (path string) {
	path = filepath.Join(h.root, "hold")
	var dir *hold.Dir
	h.hold = func() *hold.Hold {
		if dir != nil {
			dir.Close()
		}
		var err error
		if dir, err = hold.OpenDir(path); err != nil {
			h.t.Fatal(err)
		}
		return hold.New(hold.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	}
	h.t.Cleanup(func() { dir.Close() })
	return path
}

// empty waits for the links to go, while positions are saved: links wait for that.
func (h *host) empty(path string) {
	h.t.Helper()
	h.until(func() bool {
		if err := h.store.Save(); err != nil {
			h.t.Error(err)
		}
		list, err := os.ReadDir(path)
		return err == nil && len(list) == 0
	}, "the links to go")
}

func longID(n int) string { return fmt.Sprintf("%064x", n) }

// TestRemovedWhileDown: the held rest comes with the labels of the first time,
// then links and position go.
func TestRemovedWhileDown(t *testing.T) {
	h := newHost(t)
	path, id := h.holding(), longID(1)
	h.write(id, 1, `one\n`)
	h.set(id, running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.stop()
	h.write(id, 2, `two\n`)
	// The end of a line that never comes, as a removal leaves it.
	full := string(bytes.Repeat([]byte("x"), logs.PartSize))
	h.write(id, 3, full)
	if err := os.RemoveAll(filepath.Dir(h.path(id))); err != nil {
		t.Fatal(err)
	}
	h.set(id, nil)
	h.start()
	h.await("a stdout 1 one", "a stdout 2 two", "a stdout 3 "+full)
	h.empty(path)
	h.until(func() bool { return len(h.store.IDs()) == 0 }, "the position to go")
	h.changed()
	h.until(func() bool { all, _ := h.collector.Snapshot(); return len(all) == 0 }, "the unit to go")
	h.stop()
	h.start()
	h.await("a stdout 1 one", "a stdout 2 two", "a stdout 3 "+full)
}

// TestRemovedWhileDownUnknown: when the positions are lost as well, lines are sent
// again with the labels that are kept beside the links, so that Loki knows them; and
// if these are damaged, the ID stands for the name.
func TestRemovedWhileDownUnknown(t *testing.T) {
	for _, test := range []struct{ about, name string }{
		{"", "a"}, {"{", "000000000000"}, {"[]", "000000000000"}, {`[{"from":1}]`, "000000000000"},
		{`[{"from":1,"labels":{"labels":[{"name":"a b","value":"x"}]}}]`, "000000000000"},
		{`[{"from":1,"labels":{"labels":[{"name":"b","value":"x"},{"name":"a","value":"x"}]}}]`, "000000000000"},
		{`[{"from":1,"labels":{"labels":[{"name":"stream","value":"x"}]}}]`, "000000000000"},
	} {
		h := newHost(t)
		path, id := h.holding(), longID(2)
		h.write(id, 1, `one\n`)
		h.set(id, running("a", "json-file"))
		h.start()
		h.await("a stdout 1 one")
		h.set(id, running("b", "json-file")) // renamed: an earlier line keeps its labels
		h.until(func() bool {
			about, err := os.ReadFile(filepath.Join(path, id, "about"))
			return err == nil && strings.Contains(string(about), `"b"`)
		}, "the labels to be kept")
		h.stop()
		if test.about != "" {
			if err := os.WriteFile(filepath.Join(path, id, "about"), []byte(test.about), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, dir := range []string{filepath.Join(h.root, "state"), filepath.Dir(h.path(id))} {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		h.set(id, nil)
		h.start()
		if again := "a stdout 1 one"; test.about == "" {
			h.await(again, again)
		} else {
			h.await(again, test.name+" stdout 1 one")
		}
		h.empty(path)
	}
}

// TestUnlistedIsNotGone: as long as the engine has not said which containers there are, those that
// were found so far say nothing of the others: no position is forgotten, and no link.
func TestUnlistedIsNotGone(t *testing.T) {
	for _, held := range []bool{false, true} {
		h := newHost(t)
		path, id, other := "", longID(5), longID(6)
		if held {
			path = h.holding()
		}
		h.write(id, 1, `one\n`)
		h.set(id, running("a", "json-file"))
		h.start()
		h.await("a stdout 1 one")
		h.until(func() bool { r, ok := h.store.Get(id); return ok && r.Position.Last != 0 }, "the position")
		h.stop()
		h.set(id, nil)
		h.unlisted = true
		h.write(other, 1, `two\n`)
		h.set(other, running("b", "json-file"))
		looked := func() int { h.mu.Lock(); defer h.mu.Unlock(); return h.looked }
		before := looked()
		h.start()
		for range 3 {
			h.set(other, running("b", "json-file"))
			h.until(func() bool { return looked() > before }, "a look")
			before = looked()
		}
		if r, ok := h.store.Get(id); !ok || r.Position.Last == 0 {
			t.Errorf("the position of what is not listed is %v, %v", r.Position.Last, ok)
		}
		if _, err := os.Stat(filepath.Join(path, id)); held && err != nil {
			t.Errorf("its links are gone: %v", err)
		}
		h.mu.Lock()
		h.unlisted = false
		h.mu.Unlock()
		h.set(id, running("a", "json-file"))
		h.write(id, 3, `three\n`)
		h.await("a stdout 1 one", "a stdout 3 three", "b stdout 1 two")
	}
}

// TestRemovedWhileDownDelivered: all of it had been delivered.
func TestRemovedWhileDownDelivered(t *testing.T) {
	h := newHost(t)
	path, id := h.holding(), longID(3)
	h.write(id, 1, `one\n`)
	h.set(id, running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.stop()
	if err := os.RemoveAll(filepath.Dir(h.path(id))); err != nil {
		t.Fatal(err)
	}
	h.set(id, nil)
	h.start()
	h.empty(path)
	h.await("a stdout 1 one")
}

// TestRemovedBeforeItWasFound: at the start the container is still known, but its
// directory is gone already, and then the container too.
func TestRemovedBeforeItWasFound(t *testing.T) {
	h := newHost(t)
	path, id := h.holding(), longID(6)
	h.write(id, 1, `one\n`)
	h.set(id, running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.stop()
	h.write(id, 2, `two\n`)
	if err := os.RemoveAll(filepath.Dir(h.path(id))); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.until(func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.opened[id] > 0 || h.refreshed > 0
	}, "an attempt to read the log")
	h.set(id, nil)
	h.await("a stdout 1 one", "a stdout 2 two")
	h.empty(path)
	h.until(func() bool { return len(h.store.IDs()) == 0 }, "the position to go")
}

// TestRemovedWhileRunning leaves nothing.
func TestRemovedWhileRunning(t *testing.T) {
	h := newHost(t)
	path, id := h.holding(), longID(4)
	h.write(id, 1, `one\n`)
	h.set(id, running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.write(id, 2, `two\n`)
	if err := os.RemoveAll(filepath.Dir(h.path(id))); err != nil {
		t.Fatal(err)
	}
	h.set(id, nil)
	h.await("a stdout 1 one", "a stdout 2 two")
	h.empty(path)
	h.until(func() bool { return len(h.store.IDs()) == 0 }, "the position to go")
}

// TestExcludedIsNotHeld: what is not collected any more is released, be it
// noticed at the start or later; the position stays.
func TestExcludedIsNotHeld(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late ", late), func(t *testing.T) {
			h := newHost(t)
			path, id := h.holding(), longID(5)
			h.write(id, 1, `one\n`)
			h.set(id, running("a", "json-file"))
			h.start()
			h.await("a stdout 1 one")
			if !late {
				h.stop()
			}
			h.mu.Lock()
			h.excluded[id] = true
			h.mu.Unlock()
			h.set(id, nil)
			if !late {
				h.start()
			}
			h.empty(path)
			if len(h.store.IDs()) != 1 {
				t.Error("the position is gone")
			}
			h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return slices.Contains(h.forgotten, id) }, "its lane to forget it")
		})
	}
}

// TestGivenUpIsShown on the status page.
func TestGivenUpIsShown(t *testing.T) {
	h := newHost(t)
	h.hold = func() *hold.Hold { return hold.New(hold.Config{MaxBytes: 1, Log: slog.New(slog.DiscardHandler)}) }
	h.write("1", 1, `one\n`)
	h.set("1", running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.mu.Lock() // the lane is full: nothing is read
	h.collector.mu.Lock()
	u := h.collector.units["1"]
	h.collector.mu.Unlock()
	h.write("1", 2, `two\n`)
	for i := range 2 {
		if err := os.Remove(h.path("1")); err != nil {
			t.Fatal(err)
		}
		h.write("1", 3+i, `more\n`)
		u.file().Rotated()
	}
	h.mu.Unlock()
	h.until(func() bool {
		all, _ := h.collector.Snapshot()
		return len(all) == 1 && strings.Contains(all[0].LastError, "given up")
	}, "the error")
	h.await("a stdout 1 one", "a stdout 4 more")
}
