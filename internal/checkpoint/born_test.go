package checkpoint

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestBorn: the first start counts, not the last.
func TestBorn(t *testing.T) {
	dir := t.TempDir()
	first, _ := open(t, dir)
	long := first.Born().Add(-time.Hour)
	mustClose(t, first)
	if err := os.Chtimes(filepath.Join(dir, bornName), long, long); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, dir)
	defer mustClose(t, again)
	if !again.Born().Equal(long) {
		t.Errorf("born %v, want %v", again.Born(), long)
	}
}
