package checkpoint

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestLook: what a store that is open has written is seen without its lock, as it was, and the
// directory stays as it is.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	if v, err := Look(filepath.Join(dir, "none")); err != nil || len(v.Records) != 0 || !v.Born.IsZero() {
		t.Errorf("of nothing: %+v, %v", v, err)
	}
	s, _ := open(t, dir)
	timeline := []LabelsSince{{From: 0, Labels: labels("web")}}
	s.SetLabels("a", timeline)
	for n := range int64(20) { // new files are made on the way
		s.Commit("a", position(n))
		mustSave(t, s)
		before := listing(t, dir)
		v, err := Look(dir)
		if err != nil || v.Born.IsZero() {
			t.Fatalf("%+v, %v", v, err)
		}
		if want := (Record{ID: "a", Position: position(n), Labels: timeline}); !reflect.DeepEqual(v.Records["a"], want) {
			t.Fatalf("%+v, want %+v", v.Records["a"], want)
		}
		if after := listing(t, dir); after != before {
			t.Errorf("the directory was %s and is %s", before, after)
		}
	}
	mustClose(t, s)
	// The end of a file is being written, or one of both is gone.
	path := filepath.Join(dir, currentName)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\x20\x00half a frame"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if v, err := Look(dir); err != nil || !reflect.DeepEqual(v.Records["a"].Position, position(19)) {
			t.Errorf("%+v, %v", v, err)
		}
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// TestLookDamaged: what cannot be read is an error, not nothing.
func TestLookDamaged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, currentName), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(dir); err == nil || !strings.Contains(err.Error(), "cannot read positions") {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, currentName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, currentName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(dir); err == nil {
		t.Error("a link is followed")
	}
}
