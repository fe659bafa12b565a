package tail

import (
	"os"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestPhase is the table of what becomes of a file when the newer ones are looked at.
func TestPhase(t *testing.T) {
	for from, want := range map[phase][2]phase{ // when none of the newer ones is the engine's, and when one is
		undecided: {followed, over},
		followed:  {followed, over},
		over:      {over, over},
	} {
		if got := [2]phase{from.looked(false), from.looked(true)}; got != want {
			t.Errorf("from %d: %d, want %d", from, got, want)
		}
	}
}

// TestPhases goes through all of them with a file whose name an operator takes away and gives
// back, before rotation takes it.
func TestPhases(t *testing.T) {
	w := newWriter(t)
	w.number(1, 10)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	g := r.log.files[0]
	is := func(want phase, files int) {
		t.Helper()
		if g.phase != want || r.log.Files() != files {
			t.Fatalf("phase %d with %d files, want %d with %d", g.phase, r.log.Files(), want, files)
		}
	}
	is(undecided, 1)
	w.must(os.Rename(w.live, w.live+".old"))
	w.must(os.WriteFile(w.live, nil, 0o640))
	w.must(r.log.Capture())
	is(undecided, 2)
	r.step()
	is(followed, 2)
	w.must(os.Rename(w.live+".old", w.live))
	w.must(r.log.Capture())
	is(undecided, 1)
	w.rotate()
	w.number(11, 20)
	w.must(r.log.Capture())
	is(undecided, 2)
	expect(t, r.drain(), want(1, 20))
	is(over, 1)
}
