package collect

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/test/journald"
)

// TestS1DeadlyLogIsSetAside: a log at which lighterman was killed again and again is left
// alone, with the reason, and all others are carried; it is read when it was killed
// elsewhere.
func TestS1DeadlyLogIsSetAside(t *testing.T) {
	for deaths, want := range map[int]int{reader.Deadly - 1: 2, reader.Deadly: 1} {
		t.Run(fmt.Sprint(deaths, " deaths"), func(t *testing.T) {
			d := journald.Start(t)
			h := newHost(t)
			h.journal = journal.New(journal.Config{Dirs: d.Dirs(), Log: slog.New(slog.DiscardHandler)})
			t.Cleanup(h.journal.Close)
			bad, good := longID(1), longID(2)
			dir := t.TempDir()
			checkpoint.OpenBreadcrumbs(dir)
			for range deaths {
				checkpoint.OpenBreadcrumbs(dir).Begin(0, bad, reader.PlaceOf(logs.Position{}))
			}
			h.breadcrumbs = checkpoint.OpenBreadcrumbs(dir)
			d.Container(t, bad).Line("stdout", "bad")
			d.Container(t, good).Line("stdout", "good")
			h.until(func() bool { h.journal.Look(); return h.journal.Has(bad) && h.journal.Has(good) }, "journald to write")
			h.set(bad, running("bad", "journald"))
			h.set(good, running("good", "journald"))
			h.start()
			h.until(func() bool { return len(h.delivered()) >= want }, "the lines")
			failed := func() bool {
				all, _ := h.collector.Snapshot()
				return slices.ContainsFunc(all, func(s Status) bool { return s.Container.Name == "bad" && s.LastError != "" })
			}
			if want == 1 {
				h.until(failed, "the reason")
			}
			if got := h.delivered(); len(got) != want || failed() != (want == 1) {
				t.Errorf("delivered %q, failed: %v", got, failed())
			}
		})
	}
}

// TestS1SuccessorOfDeadlyLog: what takes the place of a removed container whose log is left
// alone does not wait for as long.
func TestS1SuccessorOfDeadlyLog(t *testing.T) {
	h := newHost(t)
	h.write("1", 1, `old\n`)
	l, err := tail.Open(tail.Config{Path: h.path("1"), Format: logs.JSONLines, Events: h})
	if err != nil {
		t.Fatal(err)
	}
	place := reader.PlaceOf(l.Position())
	l.Close()
	dir := t.TempDir()
	checkpoint.OpenBreadcrumbs(dir)
	for range reader.Deadly {
		checkpoint.OpenBreadcrumbs(dir).Begin(0, "1", place)
	}
	h.breadcrumbs = checkpoint.OpenBreadcrumbs(dir)
	h.set("1", running("web", "json-file"))
	h.start()
	h.until(func() bool {
		all, _ := h.collector.Snapshot()
		return len(all) == 1 && all[0].LastError != ""
	}, "the log to be set aside")
	h.remove("1")
	h.write("2", 2, `new\n`)
	h.set("2", successor("web", "json-file"))
	h.await("web stdout 2 new")
}
