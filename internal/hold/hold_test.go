package hold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// id returns a container's ID.
func id(n int) string { return fmt.Sprintf("%064x", n) }

// scene is Docker's directory and ours.
type scene struct {
	t      *testing.T
	docker string
	path   string
	log    bytes.Buffer
	*Hold
	dir *Dir

	mu    sync.Mutex // guards gave
	gave  int64
	files int
}

func newScene(t *testing.T, maxBytes int64) *scene {
	t.Helper()
	root := t.TempDir()
	s := &scene{t: t, docker: filepath.Join(root, "docker"), path: filepath.Join(root, "hold")}
	s.must(os.Mkdir(s.docker, 0o700))
	s.open(maxBytes)
	return s
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// open opens the directory, again after crash.
func (s *scene) open(maxBytes int64) {
	s.t.Helper()
	dir, err := OpenDir(s.path)
	s.must(err)
	s.t.Cleanup(dir.Close)
	s.dir = dir
	s.Hold = New(Config{MaxBytes: maxBytes, Dir: dir, Metrics: s, Log: slog.New(slog.NewTextHandler(&s.log, nil))})
}

// crash ends the process as far as the directory is concerned.
func (s *scene) crash() { s.dir.Close() }

// GaveUp implements Metrics.
func (s *scene) GaveUp(unread int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gave += unread
	s.files++
}

// create makes a file of Docker's and opens it; n says when it was written.
func (s *scene) create(name string, size, n int) *os.File {
	s.t.Helper()
	path := filepath.Join(s.docker, name)
	s.must(os.WriteFile(path, bytes.Repeat([]byte("x"), size), 0o600))
	at := time.Unix(int64(n), 0)
	s.must(os.Chtimes(path, at, at))
	f, err := os.Open(path)
	s.must(err)
	return f
}

func (s *scene) remove(name string) {
	s.t.Helper()
	s.must(os.Remove(filepath.Join(s.docker, name)))
}

// links lists the links of a container.
func (s *scene) links(id string) (out []string) {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.path, id))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// owner lets go at once.
type owner struct {
	box *Box
	got []*File
}

// GiveUp implements Owner.
func (o *owner) GiveUp(f *File) {
	o.got = append(o.got, f)
	o.box.GaveUp(1)
	f.Close()
}

// TestOldestFirst: over several logs, by the time of the last writing; files
// with a name of Docker's cost nothing.
func TestOldestFirst(t *testing.T) {
	s := newScene(t, 250)
	a, b := s.Box(id(1)), s.Box(id(2))
	oa, ob := &owner{box: a}, &owner{box: b}
	a.Attach(oa, nil)
	b.Attach(ob, nil)
	a1, b1 := a.Add(s.create("a1", 100, 10), ""), b.Add(s.create("b1", 100, 5), "")
	a2, b2 := a.Add(s.create("a2", 100, 20), ""), b.Add(s.create("b2", 100, 30), "")
	recount := func() {
		a.Recount(nil)
		b.Recount(b2)
		s.Enforce()
	}
	recount()
	if got := s.Stats(); got.Bytes != 0 || got.Links != 4 {
		t.Fatalf("%+v", got)
	}
	for _, name := range []string{"a1", "b1"} {
		s.remove(name)
	}
	recount()
	if got := s.Stats(); got.Bytes != 200 || got.Files != 2 || s.files != 0 {
		t.Fatalf("%+v, gave up %d", got, s.files)
	}
	s.remove("b2") // live: the engine has it open
	s.remove("a2")
	recount()
	if !slices.Equal(ob.got, []*File{b1}) || len(oa.got) != 0 {
		t.Fatalf("gave up %v and %v", oa.got, ob.got)
	}
	b.Recount(nil)
	s.Enforce()
	if !slices.Equal(oa.got, []*File{a1}) || len(ob.got) != 1 {
		t.Fatalf("gave up %v and %v", oa.got, ob.got)
	}
	if got := s.Stats(); got.Bytes != 200 || got.Links != 2 || s.files != 2 || s.gave != 2 {
		t.Fatalf("%+v, gave up %d", got, s.files)
	}
	a2.Release()
	if got := s.links(id(1)); len(got) != 0 {
		t.Errorf("left %v", got)
	}
	a2.Close()
	b2.Close()
	if got := s.Stats(); got.Bytes != 100 || got.Links != 1 {
		t.Errorf("%+v", got)
	}
}

// TestCrash: links count from the start, are given up without an owner, keep
// their order, and numbers go on rising.
func TestCrash(t *testing.T) {
	s := newScene(t, 0)
	box := s.Box(id(1))
	for i := range 12 {
		name := fmt.Sprint("f", i)
		box.Add(s.create(name, 100+i, i), "").Close()
		s.remove(name)
	}
	box.Add(s.create("live", 50, 100), "").Close()
	before := s.links(id(1))
	s.crash()
	s.open(350)
	if got := s.Stats(); got.Bytes != 12*100+66 || got.Links != 13 {
		t.Fatalf("%+v", got)
	}
	s.Enforce()
	if got := s.links(id(1)); !slices.Equal(got, before[9:]) {
		t.Fatalf("left %v of %v", got, before)
	}
	if s.files != 9 || s.gave != 9*100+36 {
		t.Errorf("gave up %d files, %d bytes", s.files, s.gave)
	}
	if n := strings.Count(s.log.String(), "gave up"); n != 1 {
		t.Errorf("said %d times", n)
	}
	files := s.Box(id(1)).Linked()
	if len(files) != 4 {
		t.Fatalf("%d files", len(files))
	}
	for i, f := range files {
		file, err := f.Open()
		s.must(err)
		if info, err := file.Stat(); err != nil || (i < 3 && info.Size() != int64(109+i)) {
			t.Errorf("file %d: %v %v", i, info.Size(), err)
		}
		f.Close()
	}
	s.Box(id(1)).Add(s.create("next", 1, 200), ".gz").Close()
	if got := s.links(id(1)); !strings.HasPrefix(got[len(got)-1], "0000000013-") || !strings.HasSuffix(got[len(got)-1], ".gz") {
		t.Errorf("%v", got)
	}
	s.Leave(id(1))
	if got := s.IDs(); len(got) != 0 || !s.Has(id(1)) {
		t.Errorf("%v", got)
	}
	s.Remove(id(1))
	if _, err := os.Stat(filepath.Join(s.path, id(1))); !os.IsNotExist(err) || s.Has(id(1)) {
		t.Errorf("the directory is left: %v", err)
	}
	if got := s.Stats(); got.Bytes != 0 || got.Files != 0 || got.Links != 0 {
		t.Errorf("%+v", got)
	}
}

// TestAbout: what is told of a container survives a crash, is there while links are,
// and goes with them.
func TestAbout(t *testing.T) {
	s := newScene(t, 0)
	path := filepath.Join(s.path, id(1), "about")
	box := s.Box(id(1))
	s.Describe(id(1), []byte("early"))
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("kept without a link: %v", err)
	}
	box.Add(s.create("a", 10, 1), "").Close()
	s.crash()
	s.must(os.WriteFile(filepath.Join(s.path, id(1), "about.new"), []byte("cut"), 0o600))
	s.open(0)
	if got := string(s.About(id(1))); got != "early" {
		t.Errorf("known after a crash: %q", got)
	}
	s.Describe(id(1), []byte("late"))
	s.Describe(id(2), []byte("nobody's"))
	s.crash()
	s.open(0)
	if got := string(s.About(id(1))); got != "late" || s.About(id(2)) != nil {
		t.Errorf("known after another: %q", got)
	}
	if strings.Contains(s.log.String(), "about") {
		t.Errorf("taken for a stranger's: %s", s.log.String())
	}
	s.Leave(id(1))
	s.Remove(id(1))
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("the directory is left: %v", err)
	}
}

// TestBackAgain: what is wanted again before it was removed stays.
func TestBackAgain(t *testing.T) {
	s := newScene(t, 0)
	box := s.Box(id(1))
	f := box.Add(s.create("a", 10, 1), "")
	s.Leave(id(1))
	s.Box(id(1)).Attach(&owner{}, nil)
	s.Remove(id(1))
	if len(s.links(id(1))) != 1 {
		t.Error("the link is gone")
	}
	f.Close()
}

// TestHostileNames are ignored and named, and nothing is followed.
func TestHostileNames(t *testing.T) {
	s := newScene(t, 0)
	s.Box(id(1)).Add(s.create("a", 10, 1), "").Close()
	s.crash()
	secret := filepath.Join(s.docker, "secret")
	s.must(os.WriteFile(secret, []byte("secret"), 0o600))
	box := filepath.Join(s.path, id(1))
	s.must(os.Symlink(secret, filepath.Join(box, "0000000099-1")))
	s.must(os.Mkdir(filepath.Join(box, "0000000098-1"), 0o700))
	s.must(unix.Mkfifo(filepath.Join(box, "0000000097-1"), 0o600))
	s.must(os.WriteFile(filepath.Join(box, "-rf"), nil, 0o600))
	s.must(os.Symlink(s.docker, filepath.Join(s.path, id(2))))
	s.must(os.Mkdir(filepath.Join(s.path, "..."), 0o700))
	s.must(os.Mkdir(filepath.Join(s.path, id(3)), 0o700))
	s.must(os.WriteFile(filepath.Join(s.path, id(3), "0000000000-1"), nil, 0o600))
	s.must(os.Chmod(filepath.Join(s.path, id(3)), 0o777))
	s.must(os.Mkdir(filepath.Join(s.path, id(4)), 0o700))
	s.open(0)
	if got := s.IDs(); !slices.Equal(got, []string{id(1)}) {
		t.Errorf("%v", got)
	}
	if n := len(s.Box(id(1)).Linked()); n != 1 {
		t.Errorf("%d files", n)
	}
	for _, name := range []string{"0000000099-1", "0000000098-1", "0000000097-1", "-rf", id(2), "...", id(3)} {
		if !strings.Contains(s.log.String(), name) {
			t.Errorf("%s is not named", name)
		}
	}
	if _, err := os.Stat(filepath.Join(s.path, id(4))); !os.IsNotExist(err) {
		t.Error("an empty directory is left")
	}
	s.Leave(id(1))
	s.Remove(id(1))
	if _, err := os.Stat(secret); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	s := newScene(t, 0)
	if _, err := OpenDir(s.path); err == nil || !strings.Contains(err.Error(), "another lighterman") {
		t.Errorf("a second process: %v", err)
	}
	s.crash()
	link := filepath.Join(s.docker, "link")
	s.must(os.Symlink(s.path, link))
	if _, err := OpenDir(link); err == nil {
		t.Error("a symbolic link was followed")
	}
	s.must(os.Chmod(s.path, 0o777))
	if _, err := OpenDir(s.path); err == nil {
		t.Error("a directory of everybody was taken")
	}
	if !Within(filepath.Join(link, "new", "deep"), filepath.Dir(s.path)) || !Within(s.path, s.path) || Within(s.docker, s.path) {
		t.Error("what is within is not told")
	}
}

// TestOutside: the engine's root may be known late.
func TestOutside(t *testing.T) {
	s := newScene(t, 0)
	s.Outside(s.docker)
	if s.Stats().Problem != nil {
		t.Error(s.Stats().Problem)
	}
	s.Outside(filepath.Dir(s.path))
	s.Box(id(1)).Add(s.create("a", 10, 1), "").Close()
	if got := s.Stats(); got.Links != 0 || got.Problem == nil || strings.Count(s.log.String(), "within Docker") != 1 {
		t.Errorf("%+v\n%s", got, s.log.String())
	}
}

// TestOtherFileSystem: said once, with the cure, and we go on.
func TestOtherFileSystem(t *testing.T) {
	s := newScene(t, 0)
	shm, err := os.MkdirTemp("/dev/shm", "lighterman-hold-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(shm) })
	var st, here unix.Stat_t
	s.must(unix.Stat(shm, &st))
	s.must(unix.Stat(s.path, &here))
	if st.Dev == here.Dev {
		t.Skip("/dev/shm is the same file system")
	}
	s.docker = shm
	for i := range 3 {
		name := fmt.Sprint(i)
		f := s.Box(id(1)).Add(s.create(name, 100, i), "")
		s.remove(name)
		t.Cleanup(f.Close)
	}
	s.Box(id(1)).Recount(nil)
	if got := s.Stats(); got.Links != 0 || got.Failures != 3 || got.Problem == nil || got.Bytes != 300 {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(s.log.String(), "a hard link cannot leave"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if tried, err := Probe(filepath.Join(s.path, "not", "yet"), shm); tried || err != nil {
		t.Errorf("without a log: %v %v", tried, err)
	}
	s.must(os.Mkdir(filepath.Join(shm, "c"), 0o700))
	s.must(os.WriteFile(filepath.Join(shm, "c", "c-json.log"), nil, 0o600))
	if tried, err := Probe(filepath.Join(s.path, "not", "yet"), shm); !tried || err == nil {
		t.Errorf("another file system: %v %v", tried, err)
	}
	if tried, err := Probe(filepath.Join(shm, "not", "yet"), shm); !tried || err != nil {
		t.Errorf("the same file system: %v %v", tried, err)
	}
}

// TestNoName: a file that is gone already cannot be linked, which is no problem.
func TestNoName(t *testing.T) {
	s := newScene(t, 0)
	f := s.create("a", 10, 1)
	s.remove("a")
	held := s.Box(id(1)).Add(f, "")
	if got := s.Stats(); got.Links != 0 || got.Problem != nil || got.Failures != 0 {
		t.Errorf("%+v", got)
	}
	held.Close()
	if _, err := os.Stat(filepath.Join(s.path, id(1))); err == nil {
		t.Error("an empty directory is left")
	}
}

// TestMaxFiles: descriptors are bounded, too.
func TestMaxFiles(t *testing.T) {
	s := newScene(t, 0)
	s.config.MaxFiles = 2
	box := s.Box(id(1))
	o := &owner{box: box}
	box.Attach(o, nil)
	for i := range 5 {
		name := fmt.Sprint(i)
		box.Add(s.create(name, 1, i), "")
		s.remove(name)
	}
	box.Recount(nil)
	s.Enforce()
	if len(o.got) != 3 || s.Stats().Files != 2 {
		t.Errorf("gave up %d, left %d", len(o.got), s.Stats().Files)
	}
	for _, f := range slices.Clone(box.files) {
		f.Close()
		f.Release()
	}
}

// TestLinkRemovedByHand is no error.
func TestLinkRemovedByHand(t *testing.T) {
	s := newScene(t, 0)
	box := s.Box(id(1))
	f := box.Add(s.create("a", 10, 1), "")
	f.Close()
	s.must(os.RemoveAll(filepath.Join(s.path, id(1))))
	if _, err := f.Open(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	box.Recount(nil)
	if got := s.Stats(); got.Links != 0 || len(box.files) != 0 {
		t.Errorf("%+v, %d files", got, len(box.files))
	}
}

// TestNothingIsKeptOfWhatIsGone: containers come and go, and leave no memory behind,
// whether or not their files were linked.
func TestNothingIsKeptOfWhatIsGone(t *testing.T) {
	s := newScene(t, 0)
	for i := range 10 {
		s.Leave(id(i)) // one that went by API
		s.Remove(id(i))
	}
	b := s.Box(id(20))
	path := filepath.Join(s.docker, "log")
	s.must(os.WriteFile(path, []byte("x"), 0o600))
	file, err := os.Open(path)
	s.must(err)
	f := b.Add(file, "")
	s.Leave(id(20))
	f.Done()
	f.Release() // delivered before the log was left for good
	s.Remove(id(20))
	if n := len(s.boxes); n > 0 {
		t.Errorf("%d boxes are left", n)
	}
	s.Leave(id(21))
	if n := len(s.boxes); n > 0 {
		t.Errorf("%d boxes were made for leaving", n)
	}
}

// TestV2HoleInAHeldLog: a log that was emptied while the engine wrote has a hole as large as
// all that was ever written to it. It is no reason to give up other logs.
func TestV2HoleInAHeldLog(t *testing.T) {
	s := newScene(t, 100<<10)
	box := s.Box(id(1))
	o := &owner{box: box}
	box.Attach(o, nil)
	f := s.create("sparse", 1, 1)
	path := filepath.Join(s.docker, "sparse")
	s.must(os.Truncate(path, 1<<30))
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	s.must(err)
	_, err = w.Write(make([]byte, 1000))
	s.must(err)
	s.must(w.Close())
	held := box.Add(f, "")
	s.remove("sparse")
	box.Recount(nil)
	s.Enforce()
	if got := s.Stats(); len(o.got) != 0 || got.Files != 1 || got.Bytes < 1000 || got.Bytes > 100<<10 {
		t.Errorf("gave up %d, %+v", len(o.got), got)
	}
	held.Close()
	held.Release()
}
