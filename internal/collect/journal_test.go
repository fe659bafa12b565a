package collect

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/test/journald"
)

// TestSilentAndRemovedWhileDown: a container that had written nothing when lighterman
// stopped, and was removed before it came back, is in the journal all the same.
func TestSilentAndRemovedWhileDown(t *testing.T) {
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
	h.start()
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
