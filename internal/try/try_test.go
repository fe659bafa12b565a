package try

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTryRefusesPipes: to open a pipe that nobody writes to never comes back.
func TestTryRefusesPipes(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		pipe:                     "no regular file; make it the standard input",
		"/dev/null":              "no regular file",
		dir:                      "is a directory",
		filepath.Join(dir, "no"): "no such file",
	} {
		f, err := openLines(name)
		if err == nil {
			_ = f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, and not %s", name, err, want)
		}
	}
}
