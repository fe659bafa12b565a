package hostfile

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
)

// finding is a finder of files in a directory, whose state is in memory.
func finding(t *testing.T, globs ...string) (*Finder, *checkpoint.Store) {
	t.Helper()
	s := checkpoint.NewMemory()
	return New(Config{Sections: []Section{{Name: "files[0]", Paths: globs}}, Store: s, Settle: 1, Updated: func() {}, Born: time.Now().Add(-time.Hour), Log: quiet}), s
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// deliver looks and has all that is wanted read and acknowledged. It returns the IDs, by paths.
func deliver(t *testing.T, f *Finder, s *checkpoint.Store) map[string]string {
	t.Helper()
	f.Look()
	out := make(map[string]string)
	wanted, _ := f.Wanted()
	for id, c := range wanted {
		at, err := plain.Whole(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		at.Last, at.Plain.Span = 1, 1
		s.Commit(id, at)
		out[c.Path] = id
	}
	return out
}

// missed looks until what is missing would be gone.
func missed(f *Finder) {
	f.Look()
	for id := range f.memory.sought {
		f.memory.sought[id] = time.Now().Add(-time.Hour)
	}
	f.Look()
}

// TestGone: only what has no name in a directory that was read whole is gone.
func TestGone(t *testing.T) {
	other := func(id string, s *checkpoint.Store, device uint64) {
		r, _ := s.Get(id)
		r.Position.File.Device, r.Position.Last = device, 2
		s.Commit(id, r.Position)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		happens, ends  func(t *testing.T, dir, id string, s *checkpoint.Store)
		there, problem bool
	}{
		"the name is gone": {happens: func(t *testing.T, dir, _ string, _ *checkpoint.Store) { remove(t, dir+"/a.log") }},
		"no descriptors": {there: true, problem: true,
			happens: func(t *testing.T, _, _ string, _ *checkpoint.Store) {
				descriptors(t, syscall.Rlimit{Cur: 3, Max: limit.Max})
			},
			ends: func(t *testing.T, _, _ string, _ *checkpoint.Store) { descriptors(t, limit) },
		},
		"no directory": {there: true, happens: func(t *testing.T, dir, _ string, _ *checkpoint.Store) { remove(t, dir) }},
		"another file system": {there: true, happens: func(t *testing.T, dir, id string, s *checkpoint.Store) {
			remove(t, dir+"/a.log")
			other(id, s, 1<<40)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "logs")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			put(t, dir+"/a.log", "line\n")
			f, s := finding(t, dir+"/*.log")
			id := deliver(t, f, s)[dir+"/a.log"]
			c := c
			c.happens(t, dir, id, s)
			missed(f)
			there, problem := f.Exists(id), f.Problem()
			if c.ends != nil {
				c.ends(t, dir, id, s)
			}
			if there != c.there || (problem != "") != c.problem {
				t.Errorf("there %t, problem %q", there, problem)
			}
			if !there || c.problem {
				return
			}
			for id := range f.memory.away {
				f.memory.away[id] = time.Now().Add(-absent)
			}
			if missed(f); f.Exists(id) {
				t.Error("it is there for ever")
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func descriptors(t *testing.T, limit syscall.Rlimit) {
	t.Helper()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
}

// TestTooManyNames: of a directory that is read in part nothing is gone.
func TestTooManyNames(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/a.log", "")
	put(t, dir+"/b.log", "")
	tree := newTree()
	tree.left = 1
	if entries, err := tree.read(dir); len(entries) != 1 || err == nil || !strings.Contains(err.Error(), "too many") {
		t.Error(entries, err)
	}
	if entries, err := newTree().read(t.TempDir()); len(entries) > 0 || err != nil {
		t.Error("an empty directory:", entries, err)
	}
}

// TestInodeOfAnother: where no file system tells when a file was made, the inode of a file in
// another directory on another device is another one, a file's own name counts first, and no two
// files are one.
func TestInodeOfAnother(t *testing.T) {
	f, _ := finding(t, "/none/*.log")
	l := &look{finder: f, tree: newTree(), now: time.Now(), records: make(map[string]*known), at: make(map[string]*found), current: make(map[string]*found), doubt: doubt{waiting: make(map[string]bool)}}
	know := func(path string, inode, device uint64) *known {
		k := &known{id: plain.ID(path, inode, 0), path: path, inode: inode}
		k.position.File = logs.FilePosition{Inode: inode, Device: device}
		l.records[k.id] = k
		return k
	}
	see := func(path, name string, inode, device uint64) *found {
		f := &found{path: path, name: name, named: true, rotated: path != name}
		f.facts.Inode, f.facts.Device = inode, device
		l.files = append(l.files, f)
		return f
	}
	know("/none/b/b.log", 7, 2)
	own := know("/none/a/x.log", 9, 1)
	know("/none/a/a.log", 9, 1)
	a, x := see("/none/a/a.log", "/none/a/a.log", 7, 1), see("/none/a/x.log", "/none/a/x.log", 9, 1)
	one, two := see("/none/c/c.log", "/none/c/c.log", 5, 3), see("/none/d/c.log", "/none/c/c.log", 5, 4)
	l.recognise()
	if a.id != plain.ID("/none/a/a.log", 7, 0) || x.id != own.id {
		t.Errorf("a is %q, x is %q", a.id, x.id)
	}
	if one.id == two.id {
		t.Errorf("both are %q", one.id)
	}
}

func pack(t *testing.T, path, text string) {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, path, out.String())
}

// TestCompressedWhenGone: a file is compressed after the look that has found it gone and before it
// is forgotten, also where the way to its directory is a link: the copy is not new. Nothing is
// looked for meanwhile, as the collector waits.
func TestCompressedWhenGone(t *testing.T) {
	actual := t.TempDir()
	dir := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(actual, dir); err != nil {
		t.Fatal(err)
	}
	put(t, actual+"/a.log", "line\n")
	f, s := finding(t, dir+"/*.log")
	id := deliver(t, f, s)[actual+"/a.log"]
	remove(t, actual+"/a.log")
	missed(f)
	if f.Exists(id) {
		t.Fatal("it is there")
	}
	pack(t, actual+"/a.log.1.gz", "line\n")
	f.Left(id)
	s.Forget(id)
	for range 3 {
		missed(f)
	}
	if wanted, _ := f.Wanted(); len(wanted) > 0 || !f.Exists(plain.LeftID(id)) || len(s.IDs()) != 1 {
		t.Errorf("%v, records %q", wanted, s.IDs())
	}
	remove(t, actual+"/a.log.1.gz")
	if missed(f); f.Exists(plain.LeftID(id)) {
		t.Error("what is left of it is there for ever")
	}
	f.Left(plain.LeftID(id))
	s.Forget(plain.LeftID(id))
	if ids := s.IDs(); len(ids) > 0 {
		t.Errorf("left: %q", ids)
	}
}

// TestBackAndGoneAgain: a file that is moved back when it was given up is read on, and what is
// left of it when it goes again is looked for as before.
func TestBackAndGoneAgain(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/a.log", "line\n")
	f, s := finding(t, dir+"/*.log")
	id := deliver(t, f, s)[dir+"/a.log"]
	remove(t, dir+"/a.log")
	missed(f)
	f.Left(id)
	s.Forget(id)
	put(t, dir+"/a.log", "line\nanother\n")
	back := deliver(t, f, s)[dir+"/a.log"]
	if r, _ := s.Get(back); back == "" || len(s.IDs()) != 1 || r.Position.File.Inode == 0 {
		t.Fatal(back, s.IDs())
	}
	remove(t, dir+"/a.log")
	missed(f)
	pack(t, dir+"/a.log.1.gz", "line\nanother\n")
	f.Left(back)
	s.Forget(back)
	for range 3 {
		missed(f)
	}
	if wanted, _ := f.Wanted(); len(wanted) > 0 || len(s.IDs()) != 1 {
		t.Errorf("%v, records %q", wanted, s.IDs())
	}
}

// TestManyTruncated: a costly directory is not read for each file that was truncated in it.
func TestManyTruncated(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/a.log.1", "")
	f, _ := finding(t, dir+"/*.log")
	if got := f.siblings(dir + "/a.log"); len(got) != 1 || len(f.between.rotated) > 0 && f.between.rotated[dir].cost < costly {
		t.Error(got, f.between.rotated)
	}
	f.between.rotated[dir] = rotated{names: map[string][]string{"a.log": {"a.log.1"}}, read: time.Now(), cost: time.Hour}
	put(t, dir+"/a.log.2", "")
	if got := f.siblings(dir + "/a.log"); len(got) != 1 {
		t.Error("it was read again:", got)
	}
	f.between.rotated[dir] = rotated{read: time.Now().Add(-time.Hour), cost: costly}
	if got := f.siblings(dir + "/a.log"); len(got) != 2 {
		t.Error("it was not read again:", got)
	}
}
