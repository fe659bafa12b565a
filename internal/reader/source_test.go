package reader

import (
	"log/slog"
	"testing"

	"github.com/lighterman/lighterman/internal/output"
)

// TestSuccessorThatIsNotOpened: what its predecessor would wake is no source yet, and may
// never be one.
func TestSuccessorThatIsNotOpened(t *testing.T) {
	before, s := output.New("a", slog.New(slog.DiscardHandler), nil, nil, nil, nil), &Source{}
	woken := false
	s.wake = func() { woken = true }
	s.Follow([]*output.Output{before})
	if before.Waive(); woken {
		t.Error("woken when it is not opened")
	}
	s.shared.opened.Store(true)
	if before.WakeNext(); !woken {
		t.Error("not woken when it is")
	}
}
