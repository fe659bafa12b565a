package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// skipOrFail skips a test that this machine cannot run, except where
// LIGHTERMAN_REQUIRE=1 demands all tests.
func skipOrFail(t *testing.T, reason string, err error) {
	t.Helper()
	if os.Getenv("LIGHTERMAN_REQUIRE") == "1" {
		t.Fatalf("%s: %v", reason, err)
	}
	t.Skipf("%s: %v", reason, err)
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700"); err != nil {
		skipOrFail(t, "a small tmpfs can be mounted by root only", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	mustSave(t, s)

	filler := filepath.Join(dir, "filler")
	_ = os.WriteFile(filler, make([]byte, 128<<10), 0o600) // until the disk is full
	for i := range 100 {
		s.Commit(containerID(i), position(1))
	}
	s.Commit("a", position(2))
	if err := s.Save(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Fatalf("got %v", err)
	}
	mustClose(t, s)
	if got, j := generation(t, dir); got != 1 || j.count("WARN") != 0 {
		t.Errorf("on the full disk: offset %d, log:\n%s", got, j.buf.String())
	}

	full, _ := open(t, dir)
	full.Commit("a", position(3))
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	mustSave(t, full)
	mustClose(t, full)
	if got, _ := generation(t, dir); got != 3 {
		t.Errorf("with space again: offset %d", got)
	}
}
