package budget

import (
	"math"
	"syscall"
	"testing"

	"github.com/lighterman/lighterman/internal/tail"
)

// TestD11Shares: logs have what the rest does not need.
func TestD11Shares(t *testing.T) {
	for limit, want := range map[uint64]Files{
		1024: {896, tail.Room{Opened: 928, Rotated: 960}, 16}, 100: {50, tail.Room{Opened: 63, Rotated: 75}, 6}, 1: {1, tail.Room{Opened: 1, Rotated: 1}, 0},
		1 << 20: {1<<20 - 128, tail.Room{Opened: 1<<20 - 96, Rotated: 1<<20 - 64}, 1 << 14}, math.MaxUint64: {0, tail.Room{}, math.MaxInt},
	} {
		if got := share(limit); got != want {
			t.Errorf("of %d: %+v", limit, got)
		}
	}
	var limit syscall.Rlimit
	Descriptors()
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur != limit.Max {
		t.Errorf("%+v, %v", limit, err)
	}
}
