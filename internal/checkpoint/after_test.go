package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestAfterSave: once, with the first save that succeeds, and when each of the files has
// on disk what was changed before.
func TestAfterSave(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	mustSave(t, s)
	called := 0
	f := func() {
		called++
		for _, name := range names {
			if c := decode(readFile(t, dir, name)); c.problem != nil || c.records["1"] == nil {
				t.Errorf("call %d: %s: %v, %d records", called, name, c.problem, len(c.records))
			}
		}
		must(t, s.Save()) // a callback may
	}
	s.Commit("1", position(1))
	s.AfterSave(f)
	if called != 0 {
		t.Error("called at once")
	}
	if mustSave(t, s); called != 1 {
		t.Errorf("called %d times", called)
	}
	s.AfterSave(f)
	s.AfterSave(func() { s.Forget("1") })
	s.Commit("2", position(1))
	// A directory in the way makes the save fail that has to replace a file.
	must(t, os.MkdirAll(filepath.Join(dir, newName, "x"), 0o700))
	must(t, os.Remove(filepath.Join(dir, previousName)))
	if err := s.Save(); err == nil || called != 1 {
		t.Fatalf("called %d times, save: %v", called, err)
	}
	must(t, os.RemoveAll(filepath.Join(dir, newName)))
	if mustSave(t, s); called != 2 {
		t.Fatalf("called %d times", called)
	}
	if mustSave(t, s); called != 2 || len(s.IDs()) != 1 {
		t.Fatalf("called %d times, %v", called, s.IDs())
	}
}

// TestAfterSaveInANewDirectory: both files are made first.
func TestAfterSaveInANewDirectory(t *testing.T) {
	for _, save := range []func(*Store) error{(*Store).Save, (*Store).SaveAgain} {
		dir := t.TempDir()
		s, _ := open(t, dir)
		s.Commit("a", position(1))
		s.AfterSave(func() {})
		must(t, save(s))
		for _, name := range names {
			alone := t.TempDir()
			put(t, filepath.Join(alone, currentName), readFile(t, dir, name))
			if got, _ := generation(t, alone); got != 1 {
				t.Errorf("%s: generation %d", name, got)
			}
		}
	}
}

// TestFlushWhileAFileIsWritten: while a file is being written, flushes do not wait for it.
func TestFlushWhileAFileIsWritten(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	mustSave(t, s)
	v := <-s.saver
	f, err := s.write(v)
	must(t, err)
	s.SetLabels("a", []LabelsSince{{Labels: labels("a")}})
	s.Commit("b", position(1))
	s.Flush()
	s.Forget("b")
	s.Commit("c", position(1))
	s.Flush()
	want := all(s)
	for i, name := range names {
		if got := exported(decode(readFile(t, copyDir(t, dir), name)).records); !equal(got, want) {
			t.Errorf("before it has its name, file %d: %+v", i, got)
		}
	}
	must(t, s.install(f, nil))
	s.saver <- v
	for i, name := range names {
		if got := exported(decode(readFile(t, copyDir(t, dir), name)).records); !equal(got, want) {
			t.Errorf("afterwards, file %d: %+v", i, got)
		}
	}
	if err := s.install(s.write(v)); err != nil {
		t.Error(err)
	}
	f, _ = s.write(v)
	s.Commit("d", position(1))
	s.Flush()
	if err := s.install(f, errors.New("it fails")); err == nil || s.table.behind != nil {
		t.Error("it did not")
	}
	if got, j := state(t, copyDir(t, dir)); !equal(got, all(s)) || j.count("level") != 0 {
		t.Errorf("after a failure: %+v", got)
	}
}
