package checkpoint

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestAfterSave: with the second save that succeeds, and once.
func TestAfterSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	called := 0
	f := func() { called++ }
	s.AfterSave(f)
	for saves := range 2 {
		if called != 0 {
			t.Fatalf("called after %d saves", saves)
		}
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
	}
	if called != 1 {
		t.Fatal("not called after two saves")
	}
	s.Commit("1", logs.Position{})
	s.AfterSave(f)
	s.AfterSave(func() { s.Forget("1") })
	if err := s.Save(); err != nil || called != 1 {
		t.Fatalf("called %d times, save: %v", called, err)
	}
	s.Commit("2", logs.Position{})
	// A directory in the way makes the save fail.
	if err := os.MkdirAll(filepath.Join(dir, newName, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(); err == nil || called != 1 {
		t.Fatalf("called %d times, save: %v", called, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, newName)); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(); err != nil || called != 2 {
		t.Fatalf("called %d times, save: %v", called, err)
	}
	if err := s.Save(); err != nil || called != 2 || len(s.IDs()) != 1 {
		t.Fatalf("called %d times, save: %v", called, err)
	}
}
