package torture

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
)

// TestKills kills lighterman with SIGKILL again and again, TORTURE_KILLS times
// (default 25), at random moments of its life, the first milliseconds included.
func TestKills(t *testing.T) {
	need.Dockerd(t)
	need.Journald(t)
	need.Program(t, "journalctl")
	set, kills := read(t), 25
	number(t, "TORTURE_KILLS", &kills)
	t.Logf("seed %d", set.seed)
	rng := rand.New(rand.NewPCG(set.seed, 0))
	runScene(t, set, func(s *stage) time.Duration {
		for range kills {
			life := time.Duration(rng.IntN(1500)) * time.Millisecond
			if rng.IntN(4) == 0 {
				life /= 50
			}
			time.Sleep(life)
			s.carrier.end(syscall.SIGKILL)
			s.carrier.start()
			s.count["lighterman killed"]++
		}
		return 0
	})
}
