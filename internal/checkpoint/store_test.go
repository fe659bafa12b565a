package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	s, _ := open(t, dir)
	timeline := []LabelsSince{{From: 0, Labels: labels("old")}, {From: 12345, Labels: labels("new")}}
	s.SetLabels(containerID(2), timeline)
	s.Commit(containerID(2), position(40))
	s.Commit(containerID(2), position(50))
	s.Commit(containerID(1), logs.Position{})
	s.Commit(`odd "id" <é>`, position(1))
	mustSave(t, s)
	mustClose(t, s)

	again, j := open(t, dir)
	want := Record{ID: containerID(2), Position: position(50), Labels: timeline}
	if got, ok := again.Get(containerID(2)); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, ok := again.Get(containerID(1)); !ok || !reflect.DeepEqual(got, Record{ID: containerID(1)}) {
		t.Errorf("got %+v, want an empty record", got)
	}
	if got := again.IDs(); len(got) != 3 || got[0] != containerID(1) {
		t.Errorf("IDs: %q", got)
	}
	if _, ok := again.Get("unknown"); ok {
		t.Error("there is a record of an unknown container")
	}
	if n := j.count("level"); n != 0 {
		t.Errorf("%d messages on opening a sound directory", n)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state directory: %v, %v", info.Mode(), err)
	}
}

func TestStoreSharesNoHashes(t *testing.T) {
	s, _ := open(t, t.TempDir())
	p := position(1)
	s.Commit("a", p)
	p.Newest[0].Hashes[0] = 0
	got, _ := s.Get("a")
	got.Position.Newest[1].Hashes[0] = 0
	if got, _ = s.Get("a"); !reflect.DeepEqual(got.Position, position(1)) {
		t.Errorf("got %+v", got.Position)
	}
}

func TestCommitAfterForget(t *testing.T) {
	s, _ := open(t, t.TempDir())
	s.Commit("a", position(1))
	s.Forget("a")
	s.Commit("a", position(2))
	if _, ok := s.Get("a"); ok {
		t.Error("a late commit made a record")
	}
	s.SetLabels("a", []LabelsSince{{Labels: nil}, {From: 1, Labels: labels("a")}})
	s.Commit("a", position(3))
	if got, ok := s.Get("a"); !ok || got.Position.File.Offsets[0] != 3 || len(got.Labels) != 1 {
		t.Errorf("a container that is there again: %v, %+v", ok, got)
	}
}

func TestForgottenIsBounded(t *testing.T) {
	var f forgotten
	for i := range 3 * maxForgotten {
		f.add(containerID(i))
		f.add(containerID(i))
	}
	if n := len(f.newer) + len(f.older); n > maxForgotten {
		t.Errorf("%d IDs", n)
	}
	if f.has(containerID(0)) || !f.has(containerID(3*maxForgotten-1)) || !f.has(containerID(3*maxForgotten-maxForgotten/2)) {
		t.Error("not the newest are kept")
	}
}

func TestSaveWhenClean(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	before := listing(t, dir)
	mustSave(t, s)
	s.Forget("unknown")
	mustSave(t, s)
	if after := listing(t, dir); after != before {
		t.Errorf("a clean store wrote: %s, %s", before, after)
	}
	s.Commit("a", position(1))
	if s.Stats().Age <= 0 {
		t.Error("an unsaved change has no age")
	}
	mustSave(t, s)
	mustSave(t, s)
	if got := s.Stats(); got != (Stats{Saves: 1}) {
		t.Errorf("got %+v", got)
	}
}

// listing says what is in a directory.
func listing(t *testing.T, dir string) (text string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		text += fmt.Sprintln(e.Name(), info.Size(), info.ModTime(), info.Sys().(*syscall.Stat_t).Ino)
	}
	return text
}

func TestSecondStoreIsRefused(t *testing.T) {
	dir := t.TempDir()
	first, j := open(t, dir)
	_, err := Open(dir, j.logger())
	if err == nil {
		t.Fatal("two stores on one directory")
	}
	for _, want := range []string{dir, fmt.Sprintf("process %d", os.Getpid()), "--state-dir"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	mustClose(t, first)
	mustClose(t, first)
	open(t, dir)
	first.Commit("a", position(1))
	if err := first.Save(); err == nil {
		t.Error("a closed store saved into the directory of another")
	}
}

func TestUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, nil)
	_, err := Open(filepath.Join(file, "state"), (&journal{}).logger())
	if err == nil || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				id := containerID(i % 10)
				s.Commit(id, position(int64(i)))
				switch g {
				case 0:
					s.SetLabels(id, []LabelsSince{{Labels: labels("x")}})
				case 1:
					s.Get(id)
					s.Stats()
				case 2:
					if err := s.Save(); err != nil {
						t.Error(err)
					}
				case 3:
					s.IDs()
				}
			}
		})
	}
	wg.Wait()
	mustSave(t, s)
	mustClose(t, s)
	if again, _ := open(t, dir); len(again.IDs()) != 10 {
		t.Errorf("%d records", len(again.IDs()))
	}
}
