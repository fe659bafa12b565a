package tail

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestOpenFiles: the files that are open are named with how far they were read, and whether
// they are deleted.
func TestOpenFiles(t *testing.T) {
	w := newWriter(t)
	w.maxFiles = 1
	w.number(1, 10)
	r := openReader(t, w.live, logs.Position{})
	expect(t, r.drain(), want(1, 10))
	files := r.log.OpenFiles()
	if len(files) != 1 || files[0].Deleted || files[0].Inode == 0 || files[0].Size == 0 || files[0].Read != files[0].Size {
		t.Fatalf("%+v", files)
	}
	w.number(11, 20)
	if err := os.Remove(w.live); err != nil {
		t.Fatal(err)
	}
	files = r.log.OpenFiles()
	if len(files) != 1 || !files[0].Deleted || files[0].Read >= files[0].Size {
		t.Errorf("%+v", files)
	}
	expect(t, r.drain(), want(1, 20))
}

// TestOpenFilesOfOutputs: a file that is deleted is called so, also where links of ours and of
// further outputs are its names, or one of ours is gone.
func TestOpenFilesOfOutputs(t *testing.T) {
	w := newWriter(t)
	w.number(1, 10)
	k := newKeeper(t, 0, true)
	r := k.reader(w.live, 1, logs.Position{})
	r.drain()
	other := filepath.Join(filepath.Dir(k.path), "other-output")
	if err := os.Link(w.live, other); err != nil {
		t.Fatal(err)
	}
	if files := r.log.OpenFiles(); len(files) != 1 || files[0].Deleted {
		t.Fatalf("%+v", files)
	}
	if err := os.Remove(w.live); err != nil {
		t.Fatal(err)
	}
	if files := r.log.OpenFiles(); len(files) != 1 || !files[0].Deleted {
		t.Errorf("the link of another output is taken for the log's name: %+v", files)
	}
	for _, name := range append(k.links(1), "") {
		if name == "" {
			name = other
		} else {
			name = filepath.Join(k.path, id(1), name)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if files := r.log.OpenFiles(); len(files) != 1 || !files[0].Deleted {
		t.Errorf("without any name: %+v", files)
	}
}
