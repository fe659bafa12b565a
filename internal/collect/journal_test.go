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
