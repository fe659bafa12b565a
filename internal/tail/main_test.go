package tail

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rounds is how many rounds a model plays: all of them, or with the race detector, which
// looks for something else and makes them slow, fewer. CI does both.
func rounds(all, withRace uint64) uint64 {
	if raced || testing.Short() {
		return withRace
	}
	return all
}
