package checkpoint

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/logs"
)

// copyDir copies what a kill at this moment would leave, which is all that was
// written; the lock is not held there.
func copyDir(t testing.TB, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	entries, err := os.ReadDir(from)
	must(t, err)
	for _, e := range entries {
		if e.Type().IsRegular() {
			data, err := os.ReadFile(filepath.Join(from, e.Name()))
			must(t, err)
			put(t, filepath.Join(to, e.Name()), data)
		}
	}
	return to
}

// state opens dir and returns all its records.
func state(t testing.TB, dir string) (map[string]Record, *journal) {
	t.Helper()
	s, j := open(t, dir)
	defer mustClose(t, s)
	return all(s), j
}

func all(s *Store) map[string]Record {
	records := make(map[string]Record)
	for _, id := range s.IDs() {
		records[id], _ = s.Get(id)
	}
	return records
}

// TestFlushedSurvives: positions, labels and what was forgotten, before the first
// save, after one, and after the next start, which saves nothing.
func TestFlushedSurvives(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	check := func(when string) {
		t.Helper()
		s.Flush()
		killed := copyDir(t, dir)
		for range 2 {
			got, j := state(t, killed)
			if want := all(s); !equal(got, want) {
				t.Errorf("%s: got %+v, want %+v", when, got, want)
			}
			if j.count("level") != 0 {
				t.Errorf("%s: log:\n%s", when, j.buf.String())
			}
		}
	}
	s.SetLabels("a", []LabelsSince{{Labels: labels("a")}})
	s.Commit("a", position(1))
	s.Commit("b", logs.Position{})
	check("before the first save")
	s.Forget("b")
	check("forgotten before the first save")
	mustSave(t, s)
	check("saved")
	s.Commit("a", position(2))
	check("after a save")
	s.SetLabels("a", []LabelsSince{{Labels: labels("a")}, {From: 7, Labels: labels("renamed")}})
	s.Commit("c", position(1))
	check("renamed")
	s.Forget("c")
	s.SetLabels("c", []LabelsSince{{Labels: labels("again")}})
	check("forgotten and there again")
	s.SetLabels("c", nil)
	check("without labels")
	s.Forget("a")
	check("forgotten")
	mustClose(t, s)
	s, _ = open(t, dir)
	check("the next start")
	s.Commit("a", position(3))
	check("changed by the next start")
	if s.Stats().Age == 0 {
		t.Error("what was only flushed counts as saved")
	}
	mustSave(t, s)
	check("saved by the next start")
}

// TestReplayedIsOnDisk: what was only flushed may not be on disk, so who waits for a save
// after the next start must find it in both files.
func TestReplayedIsOnDisk(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	s.Flush()
	mustClose(t, s)
	again, _ := open(t, dir)
	called := false
	again.AfterSave(func() {
		called = true
		d := <-again.disk
		for i, f := range d.files { // made by this process, so each was synced
			if f == nil || decode(readFile(t, dir, names[i])).records["a"] == nil {
				t.Error("called before both have it")
			}
		}
		again.disk <- d
	})
	if mustSave(t, again); !called {
		t.Error("not called")
	}
}

// TestKilledAtEveryStep: whatever the order of commits, flushes and the steps of
// saves that work, fail or never end, a kill costs nothing that was flushed.
func TestKilledAtEveryStep(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	want := map[string]Record{}
	n := int64(0)
	check := func(step string) {
		t.Helper()
		killed := copyDir(t, dir)
		if got, j := state(t, killed); !equal(got, want) || j.count("WARN") != 0 {
			t.Fatalf("%s, change %d: got %+v, want %+v, log:\n%s", step, n, got, want, j.buf.String())
		}
		// The next process dies too, between its first flush and its first save.
		next, _ := open(t, killed)
		next.Commit("next", position(n))
		next.Flush()
		mustClose(t, next)
		expected := maps.Clone(want)
		expected["next"] = Record{ID: "next", Position: position(n)}
		if got, _ := state(t, killed); !equal(got, expected) {
			t.Fatalf("%s, change %d, second kill: got %+v, want %+v", step, n, got, expected)
		}
	}
	flush := func(step string) {
		t.Helper()
		n++
		s.Commit("a", position(n))
		s.Forget(fmt.Sprint("b", n-1))
		s.Commit(fmt.Sprint("b", n), position(n))
		s.Flush()
		want = all(s)
		check(step)
	}
	// renew takes the steps of a renewal, with flushes in between.
	renew := func(fails, between bool) {
		t.Helper()
		v := <-s.saver
		f, err := s.write(v)
		must(t, err)
		check("written")
		if between {
			flush("while it is written")
		}
		if fails {
			must(t, os.Remove(filepath.Join(dir, newName)))
		}
		if err := s.install(f, nil); (err != nil) != fails {
			t.Fatal(err)
		}
		s.saver <- v
		check("installed")
	}
	flush("the first")
	for i := range 16 {
		renew(i&1 != 0, i&2 != 0)
		flush("after a renewal")
		if i&4 != 0 {
			mustSave(t, s)
			check("saved")
		}
		if i&8 != 0 {
			must(t, s.SaveAgain())
			flush("and again")
		}
	}
}

// TestDamagedPositionsCostNothing: each of the two files has everything from the first
// save on.
func TestDamagedPositionsCostNothing(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	for n := range int64(6) {
		s.Commit("a", position(2*n))
		s.Flush()
		mustSave(t, s)
		s.Commit("a", position(2*n+1))
		s.Flush()
		for _, name := range names {
			for _, content := range [][]byte{nil, []byte("garbage"), readFile(t, dir, name)[:40]} {
				killed := copyDir(t, dir)
				put(t, filepath.Join(killed, name), content)
				if content == nil {
					must(t, os.Remove(filepath.Join(killed, name)))
				}
				got, j := generation(t, killed)
				if got != 2*n+1 || content != nil && j.count("was renamed") != 1 {
					t.Errorf("%s: offset %d, want %d, log:\n%s", name, got, 2*n+1, j.buf.String())
				}
			}
		}
	}
}

// TestFlushesCutAtEveryByte: everything up to the last whole frame counts.
func TestFlushesCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	mustSave(t, s)
	ends := []int{len(readFile(t, dir, currentName))}
	for n := range int64(5) {
		s.Commit("a", position(n+2))
		s.Flush()
		ends = append(ends, len(readFile(t, dir, currentName)))
	}
	mustClose(t, s)
	whole := readFile(t, dir, currentName)
	torn := t.TempDir()
	next := 0
	for n := ends[0]; n < len(whole); n++ {
		if n == ends[next+1] {
			next++
		}
		c := decode(whole[:n])
		if got := c.records["a"].position.File.Offsets[0]; got != int64(next+1) || (c.problem == nil) != (n == ends[next]) {
			t.Fatalf("cut at byte %d: offset %d, want %d, %v", n, got, next+1, c.problem)
		}
		changed := append([]byte(nil), whole...)
		changed[n] ^= 0x10
		c = decode(changed)
		if got := c.records["a"].position.File.Offsets[0]; got != int64(next+1) || c.problem == nil {
			t.Fatalf("changed at byte %d: offset %d, %v", n, got, c.problem)
		}
	}
	// A process goes on after a torn end.
	put(t, filepath.Join(torn, currentName), whole[:len(whole)-3])
	again, j := open(t, torn)
	if j.count("the end of the positions is damaged") != 1 {
		t.Errorf("log:\n%s", j.buf.String())
	}
	again.Commit("b", position(9))
	again.Flush()
	mustClose(t, again)
	got, j := state(t, torn)
	if len(got) != 2 || got["a"].Position.File.Offsets[0] != 5 || j.count("level") != 0 {
		t.Errorf("after a torn end: %+v", got)
	}
}

func size(t *testing.T, dir string) (total int64) {
	t.Helper()
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			total += info.Size()
		}
	}
	return total
}

// large is labels of so many bytes.
func large(n int) []LabelsSince {
	return []LabelsSince{{Labels: &logs.Labels{Pairs: []logs.Label{{Name: "a", Value: strings.Repeat("x", n)}}}}}
}

// TestFilesAreBounded: saves keep them short, and without them they end at their bound,
// and begin again with the first save that works.
func TestFilesAreBounded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, j := open(t, dir)
		stop := running(t, s)
		for i := range 20_000 {
			s.Commit("a", position(int64(i)))
			s.Flush()
			time.Sleep(10 * time.Millisecond)
		}
		if got := size(t, dir); got > 4*minGrowth { // of 20,000 commits that is less than all
			t.Errorf("%d bytes while saves work", got)
		}
		much := large(13 << 17)
		for range 80 { // 13 MiB per second
			s.SetLabels("a", much)
			s.Flush()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait() // no save is under way, which would be in the obstacle's place
		if got := size(t, dir); got > 4*maxGrowth {
			t.Errorf("%d bytes while saves work", got)
		}
		obstacle := filepath.Join(dir, newName)
		must(t, os.MkdirAll(filepath.Join(obstacle, "x"), 0o700))
		for range 100 {
			s.SetLabels("a", much)
			s.Flush()
		}
		if got := size(t, dir); got > copies*maxFileSize || got < maxFileSize {
			t.Errorf("%d bytes while saves fail", got)
		}
		time.Sleep(3 * time.Second)
		if s.Stats().LastError == "" || j.count("cannot write positions") != 1 {
			t.Errorf("log:\n%s", j.buf.String())
		}
		must(t, os.RemoveAll(obstacle))
		time.Sleep(3 * time.Second)
		s.Commit("a", position(1))
		s.Flush()
		time.Sleep(6 * time.Second)
		if got := s.Stats(); got.LastError != "" || j.count("positions are written to the state directory again") != 1 {
			t.Errorf("%+v, log:\n%s", got, j.buf.String())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	if got, _ := generation(t, dir); got != 1 {
		t.Errorf("offset %d", got)
	}
}

// TestTooManyRecords are not written: they could not be read back.
func TestTooManyRecords(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	mustSave(t, s)
	s.SetLabels("b", large(maxRecords))
	v := <-s.saver
	if _, err := s.write(v); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
	s.saver <- v
	if _, err := os.Stat(filepath.Join(dir, newName)); err == nil {
		t.Error("it was written")
	}
}

// TestFlushOnFullDisk: what cannot be flushed is written once there is space, and
// nothing half written is in the way.
func TestFlushOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700"); err != nil {
		skipOrFail(t, "a small tmpfs can be mounted by root only", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	mustSave(t, s)
	s.Commit("a", position(2))
	s.Flush()
	filler := filepath.Join(dir, "filler")
	_ = os.WriteFile(filler, make([]byte, 128<<10), 0o600) // until the disk is full
	for i := range 30 {
		s.SetLabels(containerID(i), []LabelsSince{{Labels: labels("x")}})
	}
	s.Commit("a", position(3))
	s.Flush()
	if err := s.Save(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Fatalf("saved on a full disk: %v", err)
	}
	if got, j := generation(t, copyDir(t, dir)); got != 2 || j.count("level") != 0 {
		t.Errorf("on the full disk: offset %d, log:\n%s", got, j.buf.String())
	}
	if got, j := generation(t, copyDir(t, dir)); got != 2 || j.count("level") != 0 {
		t.Errorf("on the full disk: offset %d, log:\n%s", got, j.buf.String())
	}
	must(t, os.Remove(filler))
	mustSave(t, s)
	s.Commit("a", position(4))
	s.Flush()
	got, j := state(t, copyDir(t, dir))
	if !equal(got, all(s)) || j.count("level") != 0 {
		t.Errorf("with space again: %d records, log:\n%s", len(got), j.buf.String())
	}
}

// TestUnloggedIsBounded: containers that come and go while nothing can be written do not
// fill the memory.
func TestUnloggedIsBounded(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, newName), 0o700))
	must(t, os.Mkdir(filepath.Join(dir, newName, "x"), 0o700))
	s, _ := open(t, dir)
	for i := range 3 * maxForgotten {
		s.Commit(containerID(i), position(1))
		s.Forget(containerID(i))
		s.SetLabels("a", nil)
		s.Forget("a")
		if i%1000 == 0 && s.Save() == nil {
			t.Fatal("it could be written")
		}
	}
	if n := len(s.table.unlogged); n > 4000 || s.table.behind != nil {
		t.Errorf("%d IDs", n)
	}
}

func TestFlushAfterClose(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	s.Flush()
	before := readFile(t, dir, currentName)
	mustClose(t, s)
	s.Commit("a", position(2))
	s.Flush()
	if got := readFile(t, dir, currentName); string(got) != string(before) {
		t.Error("a closed store wrote into the directory of another")
	}
}

func TestMode(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	mustSave(t, s)
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	}
}

// TestConcurrentFlush: lanes that flush while saves go on; a kill at any moment
// finds for each container what its lane has flushed.
func TestConcurrentFlush(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		v := &saver{}
		for {
			select {
			case <-done:
				return
			default:
				if err := s.SaveAgain(); err != nil {
					t.Error(err)
				}
				own := <-s.saver
				if err := s.renew(v); err != nil {
					t.Error(err)
				}
				s.saver <- own
			}
		}
	})
	var lanes sync.WaitGroup
	for g := range 4 {
		lanes.Go(func() {
			for i := range 300 {
				s.Commit(containerID(g), position(int64(i)))
				s.Flush()
			}
		})
	}
	lanes.Wait()
	close(done)
	wg.Wait()
	s.Commit("last", position(1))
	s.Flush()
	for _, name := range names {
		if got := exported(decode(readFile(t, dir, name)).records); !equal(got, all(s)) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
