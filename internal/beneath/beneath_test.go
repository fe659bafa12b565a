package beneath

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestD15Resolve(t *testing.T) {
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	must(t, os.MkdirAll(at("disk", "docker", "containers"), 0o755))
	must(t, os.Mkdir(at("lib"), 0o755))
	must(t, os.Symlink(at("disk", "docker"), at("lib", "docker")))
	must(t, os.Symlink("../disk/../lib/docker/containers", at("lib", "containers")))
	must(t, os.Symlink("loop", at("lib", "loop")))
	must(t, os.Mkdir(at("open"), 0o755))
	must(t, os.Chmod(at("open"), 0o1777))
	must(t, os.Symlink(at("disk"), at("open", "disk")))
	for path, want := range map[string]string{
		at("lib", "docker", "containers"): at("disk", "docker", "containers"),
		at("lib", "containers"):           at("disk", "docker", "containers"),
		at("disk", "docker"):              at("disk", "docker"),
		"/":                               "/",
	} {
		if got, err := Resolve(path); err != nil || got != want {
			t.Errorf("%s leads to %s, %v; want %s", path, got, err, want)
		}
	}
	if _, err := Resolve(at("lib", "loop")); !errors.Is(err, unix.ELOOP) {
		t.Error(err)
	}
	if _, err := Resolve(at("lib", "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Resolve(at("open", "disk", "docker")); err == nil || !strings.Contains(err.Error(), "others may write to") {
		t.Errorf("a link in a directory of others: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make what is another's")
	}
	must(t, os.Mkdir(at("theirs"), 0o755))
	must(t, os.Symlink(at("disk"), at("theirs", "disk")))
	must(t, os.Chown(at("theirs"), 1234, 1234))
	if _, err := Resolve(at("theirs", "disk")); err == nil {
		t.Error("a link in another's directory was followed")
	}
	must(t, os.Symlink(at("disk"), at("lib", "theirs")))
	must(t, os.Lchown(at("lib", "theirs"), 1234, 1234))
	if _, err := Resolve(at("lib", "theirs")); err == nil || !strings.Contains(err.Error(), "not root's") {
		t.Errorf("another's link: %v", err)
	}
}

// TestS9Open: no link is followed, at the end of a path or on it, with openat2 and without.
func TestS9Open(t *testing.T) {
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	must(t, os.MkdirAll(at("a", "b"), 0o755))
	must(t, os.WriteFile(at("a", "b", "log"), []byte("text"), 0o600))
	must(t, os.Symlink(at("a"), at("link")))
	must(t, os.Symlink("log", at("a", "b", "other")))
	must(t, unix.Mkfifo(at("a", "pipe"), 0o600))
	t.Cleanup(func() { noOpenat2.Store(false) })
	for _, without := range []bool{false, true} {
		noOpenat2.Store(without)
		f, _, err := OpenRegular(at("a", "b", "log"))
		must(t, err)
		text, err := io.ReadAll(f)
		if err != nil || string(text) != "text" || f.Close() != nil {
			t.Errorf("read %q, %v", text, err)
		}
		for _, path := range []string{at("link", "b", "log"), at("a", "b", "other")} {
			if _, err := Open(path); !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR) {
				t.Errorf("%s: %v", path, err)
			}
		}
		for _, path := range []string{at("a"), at("a", "pipe")} {
			if _, _, err := OpenRegular(path); err == nil {
				t.Errorf("%s counts as regular", path)
			}
		}
		if _, err := Open(at("a", "nothing")); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		if names, err := Names(at("a", "b")); err != nil || len(names) != 2 {
			t.Error(names, err)
		}
		for _, path := range []string{at("link"), at("link", "b"), at("a", "b", "log")} {
			if _, err := OpenDir(path); err == nil {
				t.Errorf("%s was opened as a directory", path)
			}
		}
	}
}
