package tail

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReadOfACacheInPart: what is not cached of a file is read from the disk; it is not taken
// for what is not there.
func TestReadOfACacheInPart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	text := bytes.Repeat([]byte("0123456789abcde\n"), 64<<10)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	fd := int(f.Fd())
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(fd, 0, 0, unix.FADV_RANDOM); err != nil { // no page but those that are read
		t.Fatal(err)
	}
	c := &fileContent{file: f, data: f}
	for _, at := range []int64{0, 4096, 5000, 100_000, int64(len(text)) - 300_000} {
		if err := unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAt(make([]byte, 1), at); err != nil {
			t.Fatal(err)
		}
		if n, ok := readCached(f, make([]byte, 256<<10), at); ok && n == 256<<10 {
			t.Logf("all is cached from %d on, however it is asked: nothing is shown by this", at)
		}
		buf := make([]byte, 256<<10)
		if n, err := c.readSome(buf, at); err != nil || n != len(buf) || !bytes.Equal(buf, text[at:at+int64(n)]) {
			t.Errorf("%d bytes from %d on, %v, want %d", n, at, err, len(buf))
		}
	}
	if n, err := c.readSome(make([]byte, 100), int64(len(text))); n != 0 || err != nil {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if n, err := c.readSome(make([]byte, 100), int64(len(text))-10); n != 10 || err != nil {
		t.Errorf("near the end: %d, %v", n, err)
	}
}
