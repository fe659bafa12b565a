package checkpoint

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestS6Directory: a directory that others may write to, or that is another's, is not
// used, and the cure is named; a link to one is, if nobody else can have made it.
func TestS6Directory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	refuses := func(name, dir, cure string) {
		t.Helper()
		s, err := Open(dir, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = s.Close()
		}
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), cure) || !strings.Contains(err.Error(), "--state-dir") {
			t.Errorf("%s: %v", name, err)
		}
	}
	made := func(mode os.FileMode, uid int) string {
		dir := filepath.Join(t.TempDir(), "state")
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.Chmod(dir, mode))
		must(t, os.Chown(dir, uid, 0))
		return dir
	}
	refuses("writable by all", made(0o777, 0), "chmod go-w")
	refuses("writable by all, sticky", made(0o777|os.ModeSticky, 0), "choose a directory")
	refuses("writable by the group", made(0o770, 0), "chmod go-w")
	refuses("another's", made(0o700, 12345), "chown")
	link := func(to string, uid int) string {
		path := filepath.Join(t.TempDir(), "link")
		must(t, os.Symlink(to, path))
		must(t, os.Lchown(path, uid, uid))
		return path
	}
	refuses("another's link", link(made(0o700, 0), 12345), "symbolic link")
	s, _ := open(t, link(made(0o755, 0), 0))
	mustClose(t, s)
}

// TestS6Files: what lies under our names and is no file of ours is neither followed,
// nor waited for, nor written over.
func TestS6Files(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "precious")
	links := func(dir, name string) { must(t, os.Symlink(outside, filepath.Join(dir, name))) }
	hard := func(dir, name string) { must(t, os.Link(outside, filepath.Join(dir, name))) }
	pipe := func(dir, name string) { must(t, unix.Mkfifo(filepath.Join(dir, name), 0o600)) }
	all := []string{lockName, currentName, previousName, newName, bornName}
	for _, name := range all {
		for kind, put := range map[string]func(dir, name string){"link": links, "hard link": hard, "pipe": pipe} {
			must(t, os.WriteFile(outside, []byte("precious"), 0o600))
			dir := t.TempDir()
			before, _ := open(t, dir)
			before.Commit("a", position(1))
			before.Flush()
			mustSave(t, before)
			mustClose(t, before)
			_ = os.Remove(filepath.Join(dir, name))
			put(dir, name)
			done := make(chan error, 1)
			go func() {
				s, err := Open(dir, slog.New(slog.DiscardHandler))
				if err == nil {
					s.Commit("b", position(2))
					s.Flush()
					err = errors.Join(s.SaveAgain(), s.Save(), s.Close())
				}
				done <- err
			}()
			select {
			case err := <-done:
				if err != nil && (!strings.Contains(err.Error(), name) || !errors.Is(err, ErrRefused)) {
					t.Errorf("%s at %s: %v", kind, name, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s at %s: it hangs", kind, name)
			}
			// A lock may be signed, as only we can have made a hard link here.
			if text := string(readFile(t, filepath.Dir(outside), "precious")); text != "precious" && (kind != "hard link" || name != lockName) {
				t.Errorf("%s at %s: the file that it leads to was changed", kind, name)
			}
			must(t, os.Remove(outside))
		}
	}
}

// TestS6LargePositions: positions larger than lighterman writes are set aside unread,
// and the other file serves.
func TestS6LargePositions(t *testing.T) {
	dir := t.TempDir()
	generations(t, dir)
	must(t, os.Truncate(filepath.Join(dir, currentName), 300<<20))
	got, j := generation(t, dir)
	if got == 0 || !strings.Contains(j.buf.String(), "larger than") {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, currentName+".damaged-*")); len(kept) != 1 {
		t.Errorf("it was not kept: %v", kept)
	}
	must(t, os.Truncate(filepath.Join(dir, previousName), 300<<20))
	if got, j := generation(t, dir); got == 0 || j.count("larger than") != 1 || j.count("WARN") != 1 {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
}
