package checkpoint

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// running starts Run in a bubble of virtual time and returns a way to end it.
func running(t *testing.T, s *Store) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

func TestRunSavesOncePerInterval(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, dir)
		stop := running(t, s)
		for i := range 500 { // 50 s of commits
			s.Commit("a", position(int64(i)))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		if got := s.Stats(); got.Saves < 9 || got.Saves > 11 || got.Age != 0 {
			t.Errorf("got %+v", got)
		}
		s.Commit("a", position(1000))
		if err := stop(); err != nil {
			t.Error(err)
		}
		if s.Stats().Age != 0 {
			t.Error("the end of Run left a change unsaved")
		}
	})
	if got, _ := generation(t, dir); got != 1000 {
		t.Errorf("offset %d", got)
	}
}

// TestRunSavesWhatIsNewSoon: where a container begins is not told again.
func TestRunSavesWhatIsNewSoon(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, dir)
		stop := running(t, s)
		for i, id := range []string{"a", "b", "c"} {
			s.Commit("a", position(1))
			time.Sleep(time.Second / 2)
			if i < 2 {
				s.Commit(id, position(1))
			} else {
				s.SetLabels(id, nil)
			}
			time.Sleep(time.Second + time.Millisecond)
			synctest.Wait()
			if got := s.Stats(); got.Saves != uint64(i+1) || got.Age != 0 {
				t.Errorf("%s: %+v", id, got)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestRunHurries: who waits for a save waits no longer than a second, whenever
// that begins, and the next save takes its time again.
func TestRunHurries(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, dir)
		stop := running(t, s)
		for _, before := range []time.Duration{0, 300 * time.Millisecond, 1500 * time.Millisecond, 4900 * time.Millisecond} {
			saves := s.Stats().Saves
			s.Commit("a", position(1))
			time.Sleep(before)
			start, called := time.Now(), time.Duration(-1)
			s.AfterSave(func() { called = time.Since(start) })
			time.Sleep(time.Second)
			synctest.Wait()
			if called < 0 || s.Stats().Saves != saves+1 {
				t.Errorf("after %v: called after %v, %d saves", before, called, s.Stats().Saves-saves)
			}
			s.Commit("a", position(2))
			time.Sleep(4900 * time.Millisecond)
			if got := s.Stats(); got.Saves != saves+1 || got.Age == 0 {
				t.Errorf("after %v: %d saves in a hurry", before, got.Saves-saves)
			}
			time.Sleep(time.Second)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestRunHasNoTimerWhenClean(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, dir)
		s.interval = 0 // a timer would fire without end
		stop := running(t, s)
		s.Commit("a", position(1))
		time.Sleep(time.Hour)
		if got := s.Stats().Saves; got != 1 {
			t.Errorf("%d saves", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestRunRetriesAndSaysItOnce(t *testing.T) {
	dir := t.TempDir()
	obstacle := filepath.Join(dir, newName)
	synctest.Test(t, func(t *testing.T) {
		s, j := open(t, dir)
		stop := running(t, s)
		if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		s.Commit("a", position(1))
		time.Sleep(9500 * time.Millisecond)
		if got := s.Stats(); got.Failures != 9 || got.LastError == "" || got.Age != 9500*time.Millisecond {
			t.Errorf("got %+v", got)
		}
		if j.count("ERROR") != 1 {
			t.Errorf("log:\n%s", j.buf.String())
		}
		if err := os.RemoveAll(obstacle); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := s.Stats(); got.Saves != 1 || got.LastError != "" || got.Age != 0 {
			t.Errorf("got %+v", got)
		}
		if j.count("written to the state directory again") != 1 {
			t.Errorf("log:\n%s", j.buf.String())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestRunReturnsTheErrorOfTheLastSave(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	if err := os.Mkdir(filepath.Join(dir, newName), 0o700); err != nil {
		t.Fatal(err)
	}
	s.Commit("a", position(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err == nil {
		t.Error("the last save failed silently")
	}
}
