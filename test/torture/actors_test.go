package torture

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/test/dockerproxy"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
)

// actor does faults of one kind of thing, one after another. The actors work at
// the same time.
type actor struct {
	name string
	// share is how many of a hundred faults are this actor's.
	share int
	// pause is the mean time between two of its faults.
	pause time.Duration
	// draw draws a fault.
	draw func(*rand.Rand) (kind string, act func())
}

// stage is where the actors act.
type stage struct {
	t        testing.TB
	engine   *engine.PrivateEngine
	loki     *lokitest.Loki
	proxy    *lokiproxy.Proxy
	api      *dockerproxy.Proxy
	carrier  *supervisor
	fleet    *fleet
	stateDir string
	// root is a link to the engine's directory, and target what it leads to.
	root, target string

	// engineUp is held, shared, by who needs the engine, and alone by who takes
	// it away.
	engineUp sync.RWMutex
	// calm is held, shared, while a fault is in force.
	calm sync.RWMutex

	diskFull atomic.Bool
	accepted accepted

	mu    sync.Mutex // guards count
	count map[string]int
}

func (s *stage) actors(clock bool) []actor {
	all := []actor{
		{"lighterman", 28, 2500 * time.Millisecond, s.carrierFault},
		{"engine", 7, 7 * time.Second, s.engineFault},
		{"loki", 8, 5 * time.Second, s.lokiFault},
		{"network", 26, 2 * time.Second, s.networkFault},
		{"fleet", 26, 2 * time.Second, s.fleetFault},
		{"disk", 3, 15 * time.Second, s.diskFault},
		{"route", 1, 20 * time.Second, s.routeFault},
	}
	if clock {
		all = append(all, actor{"clock", 1, 20 * time.Second, s.clockFault})
	}
	return all
}

// perform lets an actor do its share of the faults.
func (s *stage) perform(a actor, set settings, deadline time.Time) {
	name := fnv.New64a()
	_, _ = name.Write([]byte(a.name))
	rng := rand.New(rand.NewPCG(set.seed, name.Sum64()))
	quota := max(1, set.faults*a.share/100)
	for range quota {
		kind, act := a.draw(rng)
		time.Sleep(time.Duration(rng.Int64N(2 * int64(a.pause))))
		if time.Now().After(deadline) || s.t.Failed() {
			return
		}
		s.play(kind, act)
	}
}

// play has a fault be in force. One that fails ends its actor, and holds up nobody.
func (s *stage) play(kind string, act func()) {
	s.calm.RLock()
	defer s.calm.RUnlock()
	began := time.Now()
	act()
	s.mu.Lock()
	s.count[kind]++
	s.mu.Unlock()
	s.t.Logf("%s: %s, %v", began.UTC().Format("15:04:05.000"), kind, time.Since(began).Round(time.Millisecond))
}

func (s *stage) carrierFault(rng *rand.Rand) (string, func()) {
	down, where := time.Duration(rng.IntN(1000))*time.Millisecond, rng.Float64()
	file := []string{"positions", "positions", "positions.previous"}[rng.IntN(3)]
	kill := func(meanwhile func()) func() {
		return func() {
			s.carrier.end(syscall.SIGKILL)
			meanwhile()
			time.Sleep(down)
			s.carrier.start()
		}
	}
	switch n := rng.IntN(28); {
	case n < 12:
		return "lighterman killed", kill(func() {})
	case n < 16:
		return "lighterman terminated", func() {
			full := s.diskFull.Load()
			code := s.carrier.end(syscall.SIGTERM)
			// With a full disk it cannot save and says so; in its first moments
			// the signal ends it before it has begun.
			if code != 0 && !full && !s.diskFull.Load() && (code != -1 || s.carrier.begun()) {
				s.t.Errorf("lighterman ended with code %d", code)
			}
			time.Sleep(down)
			s.carrier.start()
		}
	case n < 19:
		return "lighterman frozen", func() { s.carrier.freeze(down) }
	case n < 22:
		return "state garbled", kill(func() {
			s.carrier.damage(file, func(b []byte) []byte {
				if len(b) > 0 {
					b[int(where*float64(len(b)))] ^= 0x55
				}
				return b
			})
		})
	case n < 25:
		return "state cut", kill(func() {
			s.carrier.damage(file, func(b []byte) []byte { return b[:int(where*float64(len(b)))] })
		})
	default:
		return "inotify queue of 2", func() {
			s.carrier.end(syscall.SIGKILL)
			const file = "/proc/sys/fs/inotify/max_queued_events"
			before, err := os.ReadFile(file)
			if err == nil {
				// It holds for instances that are made now, and for those only.
				_ = os.WriteFile(file, []byte("2"), 0o600)
				defer func() { _ = os.WriteFile(file, before, 0o600) }()
			}
			s.carrier.start()
			s.carrier.awaitInotify()
		}
	}
}

func (s *stage) engineFault(rng *rand.Rand) (string, func()) {
	live, down := rng.IntN(2) == 0, time.Duration(rng.IntN(1500))*time.Millisecond
	kind := map[bool]string{true: "engine restarted with live restore", false: "engine terminated"}[live]
	end := s.engine.Stop
	if rng.IntN(2) == 0 {
		kind, end = "engine killed", func(t testing.TB) {
			s.fleet.witness.kill()
			s.engine.Kill9(t)
		}
	}
	return kind, func() {
		s.engineUp.Lock()
		defer s.engineUp.Unlock()
		end(s.t)
		time.Sleep(down)
		s.engine.LiveRestore(live)
		s.engine.Up(s.t)
	}
}

func (s *stage) lokiFault(rng *rand.Rand) (string, func()) {
	down := time.Duration(rng.IntN(3000)) * time.Millisecond
	switch n := rng.IntN(8); {
	case n < 2:
		return "Loki terminated", func() { s.loki.Stop(s.t); time.Sleep(down); s.loki.Start(s.t) }
	case n < 4:
		return "Loki killed", func() { s.loki.Kill9(s.t); time.Sleep(down); s.loki.Start(s.t) }
	default:
		return "Loki frozen", func() { s.loki.Freeze(s.t); time.Sleep(down); s.loki.Thaw(s.t) }
	}
}

func (s *stage) networkFault(rng *rand.Rand) (string, func()) {
	lasts := time.Duration(200+rng.IntN(2300)) * time.Millisecond
	for_ := func(set func()) func() {
		return func() { set(); time.Sleep(lasts); s.proxy.Pass() }
	}
	switch rng.IntN(9) {
	case 0:
		return "429", for_(func() { s.proxy.Status(429, 0) })
	case 1:
		return "429 with Retry-After", for_(func() { s.proxy.Status(429, time.Second) })
	case 2:
		return "500", for_(func() { s.proxy.Status(500, 0) })
	case 3:
		return "503", for_(func() { s.proxy.Status(503, 0) })
	case 4:
		return "413", for_(func() { s.proxy.TooLarge(40_000) })
	case 5:
		return "slow", for_(func() { s.proxy.Slow(lasts / 4) })
	case 6:
		return "half-open", for_(s.proxy.HalfOpen)
	case 7:
		return "stored without answer", for_(s.proxy.Swallow)
	default:
		return "reset", for_(s.proxy.Refuse)
	}
}

func (s *stage) fleetFault(rng *rand.Rand) (string, func()) {
	kind, act := s.fleet.fault(rng)
	return kind, func() {
		s.engineUp.RLock()
		defer s.engineUp.RUnlock()
		act()
	}
}

// diskFault fills the file system of the state directory.
func (s *stage) diskFault(rng *rand.Rand) (string, func()) {
	lasts := time.Duration(500+rng.IntN(4000)) * time.Millisecond
	return "state directory full", func() {
		ballast := filepath.Join(s.stateDir, "ballast")
		s.diskFull.Store(true)
		defer s.diskFull.Store(false)                             // after the ballast has gone
		_ = os.WriteFile(ballast, make([]byte, stateSize), 0o600) // it ends where the space does
		time.Sleep(lasts)
		_ = os.Remove(ballast)
	}
}

// routeFault takes the way to the log files away.
func (s *stage) routeFault(rng *rand.Rand) (string, func()) {
	lasts := time.Duration(500+rng.IntN(4000)) * time.Millisecond
	return "files taken away", func() {
		_ = os.Remove(s.root)
		time.Sleep(lasts)
		if err := os.Symlink(s.target, s.root); err != nil {
			s.t.Errorf("cannot give the files back: %v", err)
		}
		// By file again, as soon as it has looked.
		s.carrier.awaitFiles(time.Minute)
	}
}

// clockFault sets the machine's clock, and back again.
func (s *stage) clockFault(rng *rand.Rand) (string, func()) {
	step := time.Duration(300+rng.IntN(900)) * time.Millisecond
	if rng.IntN(2) == 0 {
		step = -step
	}
	lasts := time.Duration(500+rng.IntN(2000)) * time.Millisecond
	return "clock set", func() {
		if err := stepClock(step); err != nil {
			s.t.Errorf("cannot set the clock: %v", err)
			return
		}
		time.Sleep(lasts)
		if err := stepClock(-step); err != nil {
			s.t.Errorf("cannot set the clock back: %v", err)
		}
	}
}

func stepClock(by time.Duration) error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		return err
	}
	then := unix.NsecToTimespec(now.Nano() + int64(by))
	return unix.ClockSettime(unix.CLOCK_REALTIME, &then)
}

// faults lists what was done, by kind.
func (s *stage) faults() (lines []string, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for kind, n := range s.count {
		lines = append(lines, pad(kind, 36)+strconv.Itoa(n))
		total += n
	}
	return lines, total
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(1, width-len(text)))
}
