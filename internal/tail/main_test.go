package tail

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rounds is how many rounds a model plays: all of them, or with -short fewer, as CI does
// with the race detector, which makes them slow and finds nothing in a thousandth round that
// it does not in the tenth. CI plays all of them without it.
func rounds(all, short uint64) uint64 {
	if testing.Short() {
		return short
	}
	return all
}
