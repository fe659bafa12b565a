package checkpoint

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
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
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
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
			if want := all(s); !reflect.DeepEqual(got, want) {
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
	s.Forget("a")
	check("forgotten")
	mustClose(t, s)
	s, _ = open(t, dir)
	check("the next start")
	s.Commit("a", position(3))
	check("changed by the next start")
	if s.Stats().Age == 0 {
		t.Error("what is only in the log counts as saved")
	}
	mustSave(t, s)
	check("saved by the next start")
}

// TestReplayedIsUnsaved: what waits for a save must wait after a start whose
// positions came from the log, which a power cut would take.
func TestReplayedIsUnsaved(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	s.Flush()
	mustClose(t, s)
	again, _ := open(t, dir)
	called := false
	again.AfterSave(func() { called = true })
	mustSave(t, again)
	if called {
		t.Error("called before both generations have it")
	}
	if mustSave(t, again); !called {
		t.Error("not called after the second save")
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
		if got, j := state(t, killed); !reflect.DeepEqual(got, want) || j.count("level") != 0 {
			t.Fatalf("%s, change %d: got %+v, want %+v, log:\n%s", step, n, got, want, j.buf.String())
		}
		// The next process dies too, between its first flush and its first save.
		next, _ := open(t, killed)
		next.Commit("next", position(n))
		next.Flush()
		mustClose(t, next)
		expected := maps.Clone(want)
		expected["next"] = Record{ID: "next", Position: position(n)}
		if got, _ := state(t, killed); !reflect.DeepEqual(got, expected) {
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
	// save takes the steps of Save one by one, with flushes in between, and stops
	// before a step as if it had failed.
	save := func(until int, between bool) {
		t.Helper()
		if !s.snapshot() {
			t.Fatal("nothing to save")
		}
		check("snapshot")
		data := append([]byte(nil), s.buf...)
		var err error
		for i, step := range replaceSteps {
			if i == until {
				err = errors.New("it fails here")
				break
			}
			if e := step(dir, data); e != nil {
				t.Fatal(e)
			}
			check(fmt.Sprintf("step %d", i))
			if between {
				flush(fmt.Sprintf("flush after step %d", i))
			}
		}
		s.settle(identity(data), err)
		check("settled")
	}
	flush("the first")
	for _, between := range []bool{false, true} {
		for until := range len(replaceSteps) + 1 {
			for range 3 {
				save(until, between)
				flush("after a save")
				save(len(replaceSteps), between)
				flush("after a save that worked")
				flush("and again")
			}
		}
	}
}

// TestKilledWhileTheLogBegins leaves what a kill between the steps of a new log
// leaves.
func TestKilledWhileTheLogBegins(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	s.Flush()
	first := copyDir(t, dir)
	if err := os.Rename(filepath.Join(first, logName), filepath.Join(first, newLogName)); err != nil {
		t.Fatal(err)
	}
	if got, _ := generation(t, first); got != 1 {
		t.Errorf("the first log has no name yet: %d", got)
	}
	mustSave(t, s)
	s.Commit("a", position(2))
	s.Flush()
	second := copyDir(t, dir)
	if err := os.Rename(filepath.Join(second, logName), filepath.Join(second, newLogName)); err != nil {
		t.Fatal(err)
	}
	if got, j := generation(t, second); got != 2 || j.count("level") != 0 {
		t.Errorf("the next log has no name yet: %d", got)
	}
	// Half a new log, beside a whole one.
	write(t, filepath.Join(dir, newLogName), []byte(logHeader+"half"))
	if got, j := generation(t, copyDir(t, dir)); got != 2 || j.count("level") != 0 {
		t.Errorf("half a new log: %d", got)
	}
}

// TestDamagedPositionsCostNothing: the log goes back to the save before the last.
func TestDamagedPositionsCostNothing(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	for n := range int64(6) {
		s.Commit("a", position(2*n))
		s.Flush()
		mustSave(t, s)
		s.Commit("a", position(2*n+1))
		s.Flush()
		killed := copyDir(t, dir)
		write(t, filepath.Join(killed, currentName), []byte("garbage"))
		got, j := generation(t, killed)
		if n == 0 {
			// There is no save before: the file was set aside, and no log is tied
			// to nothing.
			if got != 0 || j.count("no earlier positions are left") != 1 {
				t.Errorf("both damaged: offset %d, log:\n%s", got, j.buf.String())
			}
			continue
		}
		if got != 2*n+1 || j.count("set aside") != 1 {
			t.Errorf("offset %d, want %d, log:\n%s", got, 2*n+1, j.buf.String())
		}
	}
}

// TestAnothersLog: a log is not applied to positions that it does not follow.
func TestAnothersLog(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	mustSave(t, s)
	older := readFile(t, dir, currentName)
	for n := range int64(4) {
		s.Commit("a", position(n+2))
		s.Flush()
		mustSave(t, s)
		s.Commit("a", position(n+2))
		s.Flush()
	}
	mustClose(t, s)
	restored := copyDir(t, dir)
	write(t, filepath.Join(restored, currentName), older)
	if got, j := generation(t, restored); got != 1 || j.count("level") != 0 {
		t.Errorf("older positions put back: offset %d", got)
	}
	for _, name := range []string{currentName, previousName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := generation(t, dir); got != 0 {
		t.Errorf("positions removed: offset %d", got)
	}
}

// TestLogCutAtEveryByte: everything up to the last whole change counts.
func TestLogCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	mustSave(t, s)
	var ends []int
	for n := range int64(5) {
		s.Commit("a", position(n+2))
		s.Flush()
		ends = append(ends, len(readFile(t, dir, logName)))
	}
	mustClose(t, s)
	whole := readFile(t, dir, logName)
	torn := t.TempDir()
	write(t, filepath.Join(torn, currentName), readFile(t, dir, currentName))
	want, next := int64(1), 0
	for n := range whole {
		if n == ends[next] {
			want, next = want+1, next+1
		}
		write(t, filepath.Join(torn, logName), whole[:n])
		got, j := generation(t, torn)
		if got != want || j.count("WARN") > 1 {
			t.Fatalf("cut at byte %d: offset %d, want %d, log:\n%s", n, got, want, j.buf.String())
		}
	}
	for n := range whole {
		changed := append([]byte(nil), whole...)
		changed[n] ^= 0x10
		write(t, filepath.Join(torn, logName), changed)
		got, j := generation(t, torn)
		if got > 6 || got < 1 || j.count("WARN") != 1 {
			t.Fatalf("changed at byte %d: offset %d, log:\n%s", n, got, j.buf.String())
		}
		if n >= ends[3] && got != 5 {
			t.Fatalf("changed at byte %d, in the last change: offset %d", n, got)
		}
	}
	// A process goes on after a torn end.
	write(t, filepath.Join(torn, logName), whole[:len(whole)-3])
	again, _ := open(t, torn)
	again.Commit("b", position(9))
	again.Flush()
	mustClose(t, again)
	got, j := state(t, torn)
	if len(got) != 2 || got["a"].Position.File.Offsets[0] != 5 || j.count("level") != 0 {
		t.Errorf("after a torn end: %+v", got)
	}
}

// TestLogIsBounded: saves keep it short, and without them it ends at its bound,
// which is said, and begins again with the first save that works.
func TestLogIsBounded(t *testing.T) {
	dir := t.TempDir()
	sizes := func() (total int64) {
		for _, name := range []string{logName, previousLogName} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
				total += info.Size()
			}
		}
		return total
	}
	synctest.Test(t, func(t *testing.T) {
		s, j := open(t, dir)
		stop := running(t, s)
		for i := range 1000 {
			s.Commit("a", position(int64(i)))
			s.Flush()
			time.Sleep(100 * time.Millisecond)
		}
		if got := sizes(); got > 16<<10 { // of 1000 commits that is what 150 make
			t.Errorf("%d bytes of log while saves work", got)
		}
		saves := s.Stats().Saves
		much := position(0)
		much.Newest[0].Hashes = make([]uint64, 1<<17) // 1 MiB
		for range 80 {                                // 10 MiB per second
			s.Commit("a", much)
			s.Flush()
			time.Sleep(100 * time.Millisecond)
		}
		if got := s.Stats().Saves - saves; got < 4 || s.logFile.size > 2*longLog {
			t.Errorf("%d saves in 8 s, %d bytes of log", got, s.logFile.size)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait() // no save is under way, which would be in the obstacle's place
		obstacle := filepath.Join(dir, newName)
		if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			s.Commit("a", much)
			s.Flush()
		}
		if got := s.logFile.size; got > maxLogSize || got < maxLogSize/2 {
			t.Errorf("%d bytes of log while saves fail", got)
		}
		if text := s.Stats().LogError; text != errLogFull.Error() {
			t.Errorf("the bound is not reported: %q", text)
		}
		time.Sleep(3 * time.Second)
		if j.count("positions are not logged") != 1 {
			t.Errorf("log:\n%s", j.buf.String())
		}
		if err := os.RemoveAll(obstacle); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		s.Commit("a", position(1))
		s.Flush()
		time.Sleep(3 * time.Second)
		if got := s.Stats(); got.LogError != "" || j.count("positions are logged again") != 1 {
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

// TestLogOnFullDisk: what cannot be logged is logged once there is space, and
// nothing half written is in the way.
func TestLogOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
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
	if text := s.Stats().LogError; !strings.Contains(text, "no space left") {
		t.Fatalf("got %q", text)
	}
	if err := s.Save(); err == nil {
		t.Fatal("saved on a full disk")
	}
	if got, j := generation(t, copyDir(t, dir)); got != 2 || j.count("level") != 0 {
		t.Errorf("on the full disk: offset %d, log:\n%s", got, j.buf.String())
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.logFile.retryAt = time.Time{}
	s.Flush()
	if text := s.Stats().LogError; text != "" {
		t.Fatalf("with space again: %q", text)
	}
	got, j := state(t, copyDir(t, dir))
	if !reflect.DeepEqual(got, all(s)) || j.count("level") != 0 {
		t.Errorf("with space again: %d records, log:\n%s", len(got), j.buf.String())
	}
}

// TestLogThatCannotBeMade does not hold up anything, and is not tried with every
// push.
func TestLogThatCannotBeMade(t *testing.T) {
	dir := t.TempDir()
	obstacle := filepath.Join(dir, newLogName)
	if err := os.Mkdir(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, j := open(t, dir)
		s.Commit("a", position(1))
		s.Flush()
		if s.Stats().LogError == "" || j.count("WARN") != 1 {
			t.Errorf("got %+v, log:\n%s", s.Stats(), j.buf.String())
		}
		mustSave(t, s)
		if err := os.Remove(obstacle); err != nil {
			t.Fatal(err)
		}
		s.Commit("a", position(2))
		s.Flush()
		if s.Stats().LogError == "" {
			t.Error("tried again at once")
		}
		time.Sleep(logRetry)
		s.Flush()
		if text := s.Stats().LogError; text != "" {
			t.Error(text)
		}
	})
	if got, _ := generation(t, copyDir(t, dir)); got != 2 {
		t.Errorf("offset %d", got)
	}
}

// TestUnloggedIsBounded: containers that come and go while the log cannot be
// written do not fill the memory.
func TestUnloggedIsBounded(t *testing.T) {
	s, _ := open(t, t.TempDir())
	for i := range 3 * maxForgotten {
		s.Commit(containerID(i), position(1))
		s.Forget(containerID(i))
	}
	for range 3 * maxForgotten {
		s.SetLabels("a", nil)
		s.Forget("a")
	}
	if n := len(s.unlogged); n > maxForgotten+2 {
		t.Errorf("%d IDs", n)
	}
}

func TestFlushAfterClose(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	s.Flush()
	before := readFile(t, dir, logName)
	mustClose(t, s)
	s.Commit("a", position(2))
	s.Flush()
	if got := readFile(t, dir, logName); string(got) != string(before) {
		t.Error("a closed store wrote into the directory of another")
	}
}

func TestLogMode(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("a", position(1))
	s.Flush()
	if info, err := os.Stat(filepath.Join(dir, logName)); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
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
		for {
			select {
			case <-done:
				return
			default:
				if err := s.Save(); err != nil {
					t.Error(err)
				}
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
	if got, _ := state(t, copyDir(t, dir)); !reflect.DeepEqual(got, all(s)) {
		t.Errorf("got %+v", got)
	}
}
