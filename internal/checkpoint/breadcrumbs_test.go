package checkpoint

import (
	"os"
	"path/filepath"
	"testing"
)

// TestS1Breadcrumbs: what was being read when processes were killed in a row is known, and
// nothing is noted as long as they end by themselves.
func TestS1Breadcrumbs(t *testing.T) {
	dir := t.TempDir()
	m := OpenBreadcrumbs(dir)
	if m.Armed() {
		t.Error("armed although nothing has happened")
	}
	m.Close()
	if m = OpenBreadcrumbs(dir); m.Armed() {
		t.Error("armed although the last one ended by itself")
	}
	for n := range 4 { // killed each time
		m = OpenBreadcrumbs(dir)
		if !m.Armed() || m.Deaths("a", 7) != n || m.Deaths("a", 8) != 0 || m.Deaths("b", 7) != 0 {
			t.Fatalf("after %d deaths: %d, %d, %d", n, m.Deaths("a", 7), m.Deaths("a", 8), m.Deaths("b", 7))
		}
		m.Begin(1, "b", 7)
		m.End(1)
		m.Begin(0, "a", 7)
	}
	m = OpenBreadcrumbs(dir)
	m.Begin(0, "a", 9) // it has got on
	if m = OpenBreadcrumbs(dir); m.Deaths("a", 7) != 0 || m.Deaths("a", 9) != 1 {
		t.Errorf("%d, %d", m.Deaths("a", 7), m.Deaths("a", 9))
	}
	if m.Forgive("a"); m.Deaths("a", 9) != 0 {
		t.Error("not forgiven")
	}
	m.Close()
	must(t, os.WriteFile(filepath.Join(dir, breadcrumbsName), make([]byte, 1<<20), 0o600))
	if m = OpenBreadcrumbs(dir); !m.Armed() {
		t.Error("what is no file of ours is the end of no process")
	}
	m.Close()
	var none *Breadcrumbs
	if none.Armed() {
		t.Error("none is armed")
	}
	none.Close()
}
