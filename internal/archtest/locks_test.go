package archtest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// patient are the locks that may be held while something is waited for, and why. All others
// are held over memory alone.
var patient = map[string]string{
	"collect.Collector.keeping": "a container is forgotten as a whole, or not at all; only what begins waits",
	"journal.scans":             "whoever asks during a look at the directories needs what that finds",
	"dispatch.Lane.mu":          "a source that is woken is put into its reader's queue, which has a lock of its own",
	"tail.Log.mu":               "its files must not change between two looks at them, as is said there; its own log waits, and the watcher for that",
	"hold.Box.turn":             "links of one container come and go in order",
	"plain.Log.mu":              "the size is asked of a descriptor, which would be another file's once it is closed",
	"watch.Watcher.mu":          "the kernel's number of a watch must be known before its first event is looked up",
	"stage.family.mu":           "stages are compiled once, which takes no more than time",
	"status.counted.mu":         "the directory of the process's descriptors has one place that it is read at",
	"loki.renewed.mu":           "what has become of a credential's file is logged in its order",
	"dispatch.streams.mu":       "its own condition is waited for, which lets go of it",
}

// lockNamed is a lock in the table of ARCHITECTURE.md.
var lockNamed = regexp.MustCompile("`([a-z/]+\\.[A-Za-z.]+)`")

// TestLocks: with a lock held nothing is waited for, no function of the caller's is called,
// and no other lock is taken, except as the table of locks in ARCHITECTURE.md has it, and in
// its order.
func TestLocks(t *testing.T) {
	a := newAnalysis(readProduct(t))
	a.run()
	if len(a.locks) < 40 {
		t.Fatalf("only %d locks found: does this test still know how they are taken?", len(a.locks))
	}
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	_, table, _ := strings.Cut(string(text), "## Locks")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range lockNamed.FindAllStringSubmatch(cells[1], -1) {
			if rows = append(rows, m[1]); a.locks[m[1]] == "" {
				t.Errorf("ARCHITECTURE.md names the lock %s, which is not there", m[1])
			}
		}
	}
	waits := make(map[string]bool)
	for _, lock := range slices.Sorted(maps.Keys(a.found)) {
		for _, e := range slices.Sorted(maps.Keys(a.found[lock])) {
			if strings.HasPrefix(string(e), "lock ") {
				continue
			}
			waits[lock] = true
			if patient[lock] == "" {
				t.Errorf("%s is held over %s: %s", lock, e, a.found[lock][e])
			}
		}
	}
	for lock := range patient {
		if !waits[lock] {
			t.Errorf("%s is held over nothing any more: it can go from the table", lock)
		}
	}
	apart := len(patient)
	for _, lock := range rows {
		if patient[lock] != "" {
			apart--
		}
	}
	if apart != 4 {
		t.Errorf("%d locks that are held while something is waited for are not in ARCHITECTURE.md, which says four", apart)
	}
	for pair, over := range a.order {
		outer, inner := slices.Index(rows, pair[0]), slices.Index(rows, pair[1])
		if outer < 0 || inner >= 0 && inner <= outer {
			t.Errorf("%s is taken with %s held, which is not the order of ARCHITECTURE.md: %s", pair[1], pair[0], over)
		}
	}
}
