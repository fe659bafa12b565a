package collect

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/test/journald"
)

// TestSilentAndRemovedWhileDown: a container that had written nothing when lighterman
// stopped, and was removed before it came back, or before it was inspected then, is in the
// journal all the same.
func TestSilentAndRemovedWhileDown(t *testing.T) {
	for name, listed := range map[string]bool{"before the start": false, "before it is inspected": true} {
		t.Run(name, func(t *testing.T) { silentAndRemoved(t, listed) })
	}
}

func silentAndRemoved(t *testing.T, listed bool) {
	d := journald.Start(t)
	h := newHost(t)
	id := longID(3)
	h.journal = journal.New(journal.Config{Dirs: d.Dirs(), Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(h.journal.Close)
	h.set(id, running("a", "journald"))
	h.start()
	h.until(func() bool { return len(h.store.IDs()) == 1 }, "the container to be known")
	h.stop()
	d.Container(t, id).Line("stdout", "last words")
	h.until(func() bool { h.journal.Look(); return h.journal.Has(id) }, "journald to write")
	h.set(id, nil)
	look := func(partial bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.partial, h.excluded[id] = partial, partial // which exists, then
	}
	look(listed)
	h.start()
	if listed {
		h.known()
		h.mu.Lock()
		h.excluded[id] = false
		h.mu.Unlock()
		h.known()
		look(false)
		h.changed()
	}
	h.until(func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.lines) == 1 && strings.HasPrefix(h.lines[0], "a stdout ") && strings.HasSuffix(h.lines[0], " last words")
	}, "the line")
}

// TestSuccessorInTheJournal does not wait until it is sure that nothing more comes of the
// container before it: that takes ten seconds.
func TestSuccessorInTheJournal(t *testing.T) {
	d := journald.Start(t)
	h := newHost(t)
	h.journal = journal.New(journal.Config{Dirs: d.Dirs(), Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(h.journal.Close)
	old, fresh := longID(1), longID(2)
	h.set(old, running("job", "journald"))
	h.start()
	d.Container(t, old).Line("stdout", "old")
	has := func(id string) func() bool { return func() bool { h.journal.Look(); return h.journal.Has(id) } }
	h.until(has(old), "journald to write")
	h.until(func() bool { return len(h.delivered()) == 1 }, "the old one's line")
	h.set(old, nil)
	d.Container(t, fresh).Line("stdout", "new")
	h.until(has(fresh), "journald to write")
	h.set(fresh, successor("job", "journald"))
	h.until(func() bool { return len(h.delivered()) == 2 }, "the new one's line")
	if all, _ := h.collector.Snapshot(); len(all) != 2 {
		t.Errorf("the new one's line came when the old one was over, of %d containers", len(all))
	}
}

// TestNotBeforeItsPredecessorIsSeen: while not all containers have been inspected, what has the
// labels of one that was known is not begun, as that one's lines may have to go first.
func TestNotBeforeItsPredecessorIsSeen(t *testing.T) {
	d := journald.Start(t)
	h := newHost(t)
	h.journal = journal.New(journal.Config{Dirs: d.Dirs(), Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(h.journal.Close)
	old, fresh, other := longID(1), longID(2), longID(3)
	has := func(id string) func() bool { return func() bool { h.journal.Look(); return h.journal.Has(id) } }
	h.set(old, running("job", "journald"))
	h.start()
	d.Container(t, old).Line("stdout", "old")
	h.until(has(old), "journald to write")
	h.until(func() bool { return len(h.delivered()) == 1 }, "the old one's line")
	h.stop()
	d.Container(t, fresh).Line("stdout", "new")
	d.Container(t, other).Line("stdout", "other")
	h.until(has(fresh), "journald to write")
	h.until(has(other), "journald to write")
	h.mu.Lock()
	h.partial, h.excluded[old] = true, true // it is there
	h.mu.Unlock()
	h.set(old, nil)
	h.set(fresh, successor("job", "journald"))
	h.start()
	for i := range 3 {
		h.known()
		d.Container(t, other).Line("stdout", fmt.Sprint("other ", i))
		h.set(other, running("other", "journald"))
		h.until(func() bool {
			return slices.ContainsFunc(h.delivered(), func(line string) bool { return strings.HasSuffix(line, fmt.Sprint("other ", i)) })
		}, "what has labels of its own")
	}
	if all := h.delivered(); slices.ContainsFunc(all, func(line string) bool { return strings.HasSuffix(line, "new") }) {
		t.Errorf("the new one's line was sent before the old one was looked at: %q", all)
	}
	h.mu.Lock()
	h.partial, h.excluded[old] = false, false
	h.mu.Unlock()
	h.changed()
	h.until(func() bool {
		return slices.ContainsFunc(h.delivered(), func(line string) bool { return strings.HasSuffix(line, "new") })
	}, "the new one's line")
}
