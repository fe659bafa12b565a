package target

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestJournal: who goes by the journal, and what is said of those who do not.
func TestJournal(t *testing.T) {
	can := func(*logs.Container) error { return nil }
	cannot := func(*logs.Container) error { return errors.New("there is none") }
	for _, c := range []struct {
		name     string
		policy   Policy
		driver   string
		kind     logs.RouteKind
		reason   string
		fallback bool
	}{
		{"readable", Policy{Mode: Hybrid, FilePercent: 100, Journal: can}, "journald", logs.Journal, "can be read", false},
		{"file mode", Policy{Mode: FileOnly, Journal: can}, "journald", logs.Journal, "can be read", false},
		{"stream mode", Policy{Mode: StreamOnly, FilePercent: 100, Journal: can}, "journald", logs.API, "mode is stream", false},
		{"not chosen", Policy{Mode: Hybrid, FilePercent: 0, Journal: can}, "journald", logs.API, "file-percent", false},
		{"unreadable", Policy{Mode: Hybrid, FilePercent: 100, Journal: cannot}, "journald", logs.API, "there is none", true},
		{"unreadable in file mode", Policy{Mode: FileOnly, Journal: cannot}, "journald", logs.Unreadable, "there is none", true},
		{"turned off", Policy{Mode: Hybrid, FilePercent: 100}, "journald", logs.API, "read through the API", false},
		{"another driver", Policy{Mode: Hybrid, FilePercent: 100, Journal: can}, "a-plugin", logs.API, "read through the API", false},
	} {
		c.policy.Root = t.TempDir()
		got := c.policy.Decide(&logs.Container{ID: "abc", Driver: c.driver})
		if got.Kind != c.kind || !strings.Contains(got.Reason, c.reason) || got.Fallback != c.fallback {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	// An engine that cannot read the journal back keeps a cache.
	p := Policy{Mode: Hybrid, FilePercent: 100, Root: t.TempDir(), Journal: can}
	dir := filepath.Join(p.Root, "containers", "abc")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "container-cached.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, journal := range map[logs.RouteKind]func(*logs.Container) error{logs.Journal: can, logs.File: cannot} {
		p.Journal = journal
		if got := p.Decide(&logs.Container{ID: "abc", Driver: "journald"}); got.Kind != want {
			t.Errorf("with a cache: %+v, want %v", got, want)
		}
	}
}
