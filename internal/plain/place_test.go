package plain

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPlaceAtOverLink: the way to a file's directory may be a link, and the file is called what
// the configuration calls it.
func TestPlaceAtOverLink(t *testing.T) {
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id, p, err := PlaceAt(filepath.Join(link, "a.log"), 5)
	path, _, _, _ := ParseID(id)
	if err != nil || path != filepath.Join(link, "a.log") || p.File.Offsets[0] != 4 {
		t.Error(id, p.File.Offsets, err)
	}
}
