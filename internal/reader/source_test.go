package reader

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/watch"
)

// TestSuccessorThatIsNotOpened: what its predecessor would wake is no source yet, and may
// never be one.
func TestSuccessorThatIsNotOpened(t *testing.T) {
	before, s := producer.New("a", slog.New(slog.DiscardHandler), nil, nil, nil, nil), &Source{}
	woken := false
	s.wake = func() { woken = true }
	s.Follow([]*producer.Producer{before})
	if before.Waive(); woken {
		t.Error("woken when it is not opened")
	}
	s.shared.opened.Store(true)
	if before.WakeNext(); !woken {
		t.Error("not woken when it is")
	}
}

// busyLane wakes a source whenever something is asked of it for a log.
type busyLane struct {
	producer.Lane
	wake func()
}

func (l *busyLane) After(string, func()) { l.wake() }

// quietEvents are those of a log with which nothing is wrong.
type quietEvents struct{ tail.Events }

func (quietEvents) LineCut()           {}
func (quietEvents) LeftOut(int)        {}
func (quietEvents) LineSkipped(string) {}

// TestOpenedAsAWhole: what is written while a log is opened does not have the reader read it:
// until its first position is on its way it belongs to who opens it.
func TestOpenedAsAWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x-json.log")
	if err := os.WriteFile(path, []byte(`{"log":"a\n","stream":"stdout","time":"2026-01-02T03:04:05Z"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lane := new(busyLane)
	asked := 0
	r := New(Config{Lane: dueLane{}, Poll: time.Second, Watch: func(_ string, waker watch.Waker) (*watch.Watch, error) {
		lane.wake = func() { asked++; waker.Written() }
		return nil, errors.New("not watched")
	}})
	log := slog.New(slog.DiscardHandler)
	out := producer.New("x", log, lane, nil, nil, nil)
	s, err := r.OpenFile(Start{Producer: out, Container: &logs.Container{ID: "x"}}, tail.Config{Path: path, Format: logs.JSONLines, Log: log, Events: quietEvents{}, Rules: out.Rules(logs.Position{})})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, early := r.next(); asked == 0 || early != nil {
		t.Errorf("asked %d times, and the reader would have read it: %v", asked, early != nil)
	}
	s.Written()
	if _, later := r.next(); later != s {
		t.Error("what is written later does not wake the reader")
	}
}
