package collect

import (
	"strings"
	"testing"
	"time"
)

// TestLookIgnoresTheHostsClock: a clock that is set back by an hour must not leave a
// stalled stream alone for an hour.
func TestLookIgnoresTheHostsClock(t *testing.T) {
	var s streamSource
	now := time.Now()
	s.lookIn(now, minSilence)
	if wait := s.lookAt.Sub(now); wait <= minSilence || wait > 2*minSilence {
		t.Errorf("the next look is in %v", wait)
	}
	if wall := s.lookAt.Round(0); !wall.Equal(wall.Truncate(minSilence)) {
		t.Errorf("the next look is at %v, not when all look", wall)
	}
	if !strings.Contains(s.lookAt.String(), " m=") {
		t.Errorf("the next look is at %v by the host's clock", s.lookAt)
	}
}
