package torture

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/dockerproxy"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

func TestMain(m *testing.M) {
	code := m.Run()
	repo.RemoveBuilt()
	os.Exit(code)
}

// stateSize is the size of the file system for the state directory, in bytes.
const stateSize = 4 << 20

// TestTorture puts a private engine, a real Loki and a lighterman between them
// under faults, many at once, and then compares what Docker has stored with what
// Loki shows: every line once, unchanged, whatever happened.
func TestTorture(t *testing.T) {
	need.Dockerd(t)
	need.Journald(t)
	need.Program(t, "journalctl")
	set := read(t)
	t.Logf("seed %d: TORTURE_SEED=%[1]d makes the same faults again", set.seed)
	runScene(t, set, func(s *stage) time.Duration {
		var actors sync.WaitGroup
		deadline := set.deadline(time.Now())
		for _, a := range s.actors(set.clock) {
			actors.Go(func() { s.perform(a, set, deadline) })
		}
		over := make(chan struct{})
		go func() { actors.Wait(); close(over) }()
		return s.calmNowAndThen(over)
	})
}

// runScene starts everything, lets act happen, stops the containers, waits until
// all is delivered and wants nothing lost, repeated or changed. act returns the
// longest time that catching up has taken.
func runScene(t *testing.T, set settings, act func(*stage) time.Duration) {
	t.Helper()
	began := time.Now()
	s, w := setUp(t, set)
	done := make(chan struct{})
	go func() { defer close(done); w.run() }()
	for _, b := range s.fleet.berths {
		s.fleet.fill(b)
	}
	s.carrier.start()
	worst := act(s)

	cleared := time.Now()
	s.fleet.stopAll()
	w.end()
	<-done
	w.finish()
	if !s.carrier.idle(5 * time.Minute) {
		t.Error("lighterman still has something to deliver 5 minutes after the last fault")
	}
	worst = max(worst, time.Since(cleared))
	v := s.await(w.all, began)
	s.carrier.keep.loki(s.loki.Dir)
	if code := s.carrier.end(syscall.SIGTERM); code != 0 {
		t.Errorf("lighterman ended with code %d", code)
	}
	s.verify(w.all)

	if s.carrier.said("all files of positions are damaged") {
		t.Error("both files of positions were damaged, and none was replaced between: what comes of that is no fault of lighterman's")
	}
	faults, total := s.faults()
	report := v.report(set, faults, total, s.carrier.overflows, worst)
	t.Log("\n" + report)
	if set.report != "" {
		if err := os.WriteFile(set.report, []byte(report), 0o600); err != nil {
			t.Error(err)
		}
	}
	if v.lost+v.duplicated+v.corrupted > 0 {
		t.Errorf("lost=%d duplicated=%d corrupted=%d", v.lost, v.duplicated, v.corrupted)
	}
	if v.lines == 0 || total == 0 {
		t.Error("nothing happened")
	}
}

// setUp makes everything but the containers; lighterman does not run yet.
func setUp(t *testing.T, set settings) (*stage, *witness) {
	t.Helper()
	docker := engine.Private(t, engine.PrivateOptions{LiveRestore: true})
	// Shards of a busy stream would keep copies of what is sent again.
	loki := lokitest.New(t, map[string]string{"shard_streams": "{enabled: false}"})
	s := &stage{
		t: t, engine: docker, loki: loki, proxy: lokiproxy.New(t, loki.URL), api: dockerproxy.New(t, docker.Host), count: map[string]int{},
		stateDir: filepath.Join(t.TempDir(), "state"), root: filepath.Join(t.TempDir(), "root"), target: docker.DataRoot(),
	}
	s.proxy.Tap(s.accepted.push)
	if err := os.Mkdir(s.stateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", s.stateDir, "tmpfs", 0, "size=4m,mode=0700"); err != nil {
		t.Fatalf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(s.stateDir, syscall.MNT_DETACH) })
	if err := os.Symlink(s.target, s.root); err != nil {
		t.Fatal(err)
	}
	s.carrier = newSupervisor(t, s.stateDir, append(set.args(t),
		"--loki-url", s.proxy.URL, "--docker-host", s.api.Host, "--docker-root", s.root,
		"--hold-dir", filepath.Join(docker.DataRoot(), "hold"), "--max-line-bytes", "1MiB", "--push-timeout", "5s", "--shutdown-timeout", "2s")...)
	w := &witness{root: filepath.Join(s.target, "containers"), pid: func() int { return int(s.carrier.pid.Load()) }, keep: s.carrier.keep, watched: map[string]*ledger{}}
	s.fleet = &fleet{t: t, engine: docker, witness: w, seed: set.seed, berths: berths(engine.StartSyslog(t).Unix)}
	return s, w
}

// calmNowAndThen ends all faults every half a minute, and measures how long it
// takes until everything is delivered, until over. It returns the longest time.
func (s *stage) calmNowAndThen(over <-chan struct{}) (worst time.Duration) {
	for {
		select {
		case <-over:
			return worst
		case <-time.After(30 * time.Second):
		}
		s.calm.Lock()
		began := time.Now()
		if !wait.Until(2*time.Minute, s.carrier.caughtUp) {
			s.t.Error("lighterman has not caught up two minutes after the faults before")
		}
		worst = max(worst, time.Since(began))
		s.calm.Unlock()
	}
}

// await asks Loki until nothing is missing, or nothing more comes.
func (s *stage) await(all []*ledger, began time.Time) (v verdict) {
	before := -1
	for _, l := range all {
		sent := s.api.Sent(l.id)
		s.carrier.keep.answers(l, sent)
		l.answers = readAnswers(sent, l.tty)
	}
	for range 20 {
		var err error
		if v, err = judge(s.loki, all, &s.accepted, began); err != nil {
			s.t.Fatalf("cannot query Loki: %v", err)
		}
		if v.lost == 0 || v.lost == before {
			return v
		}
		before = v.lost
		time.Sleep(5 * time.Second)
	}
	return v
}
