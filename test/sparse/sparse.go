// Package sparse finds a place for large files with holes.
package sparse

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Dir makes a directory for a test whose file system has holes of a size, and tells where
// they are: where temporary files are, or else in memory.
func Dir(t testing.TB, size int64) string {
	t.Helper()
	dir := t.TempDir()
	if works(dir, size) {
		return dir
	}
	dir, err := os.MkdirTemp("/dev/shm", "lighterman-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if !works(dir, size) {
		t.Fatalf("neither %s nor /dev/shm takes a file with a hole of %d bytes: set TMPDIR to a file system that does", os.TempDir(), size)
	}
	return dir
}

func works(dir string, size int64) bool {
	path := filepath.Join(dir, "hole")
	f, err := os.Create(path)
	if err != nil {
		return false
	}
	defer func() { _, _ = f.Close(), os.Remove(path) }()
	if f.Truncate(size) != nil {
		return false
	}
	_, err = unix.Seek(int(f.Fd()), 0, unix.SEEK_DATA)
	return errors.Is(err, unix.ENXIO)
}
