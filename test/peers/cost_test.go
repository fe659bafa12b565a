package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/process"
	"github.com/lighterman/lighterman/test/wait"
)

// TestPeer02RestartMakesDockerdSpin: elsewhere a restart of the collector costs
// dockerd minutes of CPU and disk, since it scans every log for where to go on
// (grafana/alloy#4321).
//
// 50 running containers with logs of 100 MB, of which all but some new lines is
// delivered; lighterman starts again. It reads little more than what is new, and
// dockerd computes next to nothing.
func TestPeer02RestartMakesDockerdSpin(t *testing.T) {
	t.Parallel()
	const fresh = 200
	containers, size := amount(50, 20), amount(100_000_000, 10_000_000)
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.Shared(t)
	var all []*engine.Container
	for i := range containers {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("p02-", i), Args: []string{"-n", "1"}}))
	}
	old := oldLog(size)
	for _, c := range all {
		c.Wait(t)
		replace(t, c.LogPath(t), old)
	}
	state := t.TempDir()
	args := ledger.Only(t, "p02", loki.URL, "--docker-host", docker.Host, "--state-dir", state, "--since", "now")
	l := start(t, args...)
	onRoute(t, l, "file", containers)
	awaitLag(t, l, 0)
	ledger.Clean(t, l)
	var backlog int64
	for _, c := range all {
		text := strings.Builder{}
		for k := range fresh {
			text.WriteString(jsonLine(time.Now(), fmt.Sprint("new ", k)))
		}
		appendTo(t, c.LogPath(t), text.String())
		backlog += int64(text.Len())
	}
	dockerd := process.Of(t, docker.PID())
	l = start(t, args...)
	for _, c := range all {
		loki.Await(t, ledger.Selector(c), fresh, 2*time.Minute)
	}
	awaitLag(t, l, 0)
	used := process.Of(t, docker.PID()).CPU - dockerd.CPU
	read := process.Of(t, l.PID()).Read
	t.Logf("%d logs of %d MB, %d KB new: lighterman has read %d KB, dockerd has computed for %v", containers, size/1e6, backlog/1e3, read/1e3, used)
	// Each log costs its first line, where it is recognised, and its list of
	// files; dockerd is asked once for each.
	if most := 3*backlog + int64(containers)*64<<10 + 4<<20; read > most {
		t.Errorf("%d bytes were read, want at most %d", read, most)
	}
	if most := time.Duration(containers)*30*time.Millisecond + 500*time.Millisecond; used > most {
		t.Errorf("dockerd has computed for %v, want at most %v", used, most)
	}
	ledger.Clean(t, l)
}

// oldLog is a log of about a size, written an hour ago.
func oldLog(size int) string {
	var b strings.Builder
	b.Grow(size + 300)
	at := time.Now().Add(-time.Hour)
	for k := 0; b.Len() < size; k++ {
		b.WriteString(jsonLine(at.Add(time.Duration(k)*time.Microsecond), fmt.Sprintf("old %d %s", k, strings.Repeat("x", 180))))
	}
	return b.String()
}

// awaitLag waits until no more than so many bytes are left in any log.
func awaitLag(t testing.TB, l *carrier.Carrier, most float64) {
	t.Helper()
	wait.For(t, 5*time.Minute, "the logs to be read", func() bool { return l.Metrics(t).Sum("lighterman_container_lag_bytes") <= most })
	idle(t, l)
}

// holdings is what must not grow.
type holdings struct{ goroutines, fds, instances, watches int }

func measure(t testing.TB, c *carrier.Carrier) holdings {
	t.Helper()
	h := holdings{goroutines: int(c.Metrics(t).Sum("lighterman_goroutines"))}
	for _, target := range c.FDs(t) {
		// Idle connections to the engine come and go; they are the pool's. Of the
		// two files of positions the second is opened with the first save.
		if !strings.HasPrefix(target, "socket:") && !strings.Contains(target, "/positions") {
			h.fds++
		}
	}
	h.instances, h.watches = c.InotifyWatches(t)
	return h
}

// sockets counts the sockets that are open.
func sockets(t testing.TB, c *carrier.Carrier) (n int) {
	for _, target := range c.FDs(t) {
		if strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// churn makes containers come and go, of several drivers in turn; every third
// also stops and starts.
func churn(t testing.TB, docker *engine.Engine, word string, n int, drivers ...string) {
	const workers = 4
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < n; i += workers {
				c := docker.Start(t, engine.Spec{Name: fmt.Sprint(word, "-", i), Driver: drivers[i/workers%len(drivers)],
					Args: []string{"-n", "20", "-linger"}})
				if i%3 == 0 {
					c.Stop(t)
					c.Start(t)
				}
				c.Remove(t)
			}
		})
	}
	group.Wait()
}

// TestPeer05ErrorsForRemovedContainers: elsewhere a removed container leaves a
// reader behind that fails every 5 s, for good (grafana/alloy#6309).
//
// 1,000 containers of several drivers come and go, with a lighterman of each
// mode: goroutines, descriptors and watches return to where they were, and the
// log has a bounded number of lines for each container.
func TestPeer05ErrorsForRemovedContainers(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	containers := amount(1000, 60)
	docker := engine.Default(t)
	modes := []string{"hybrid", "file", "stream"}
	drivers := []string{"json-file", "local", "journald", "json-file", "none"}
	before := make(map[string]holdings)
	running := make(map[string]*carrier.Carrier)
	for _, mode := range modes {
		running[mode] = start(t, "--include-name", engine.Prefix(t)+"p05.*", "--mode", mode)
	}
	// The first few open what stays open for all that follow: the journal's live
	// file, and the watches of its directories.
	churn(t, docker, "p05-first", 5*4, drivers...)
	for _, mode := range modes {
		wait.For(t, 2*time.Minute, "the first containers to be done with", func() bool { return running[mode].Metrics(t).Sum("lighterman_targets") == 0 })
		before[mode] = measure(t, running[mode])
	}
	churn(t, docker, "p05", containers, drivers...)
	for _, mode := range modes {
		l, b := running[mode], before[mode]
		var now holdings
		back := wait.Until(2*time.Minute, func() bool {
			now = measure(t, l)
			return now.goroutines <= b.goroutines+2*sockets(t, l) && now.fds <= b.fds && now.watches <= b.watches
		})
		if !back {
			t.Errorf("%s: %+v has grown to %+v", mode, b, now)
		}
		if n := sockets(t, l); n > 12 {
			t.Errorf("%s: %d sockets are open", mode, n)
		}
		if now.instances != 1 {
			t.Errorf("%s: %d inotify instances", mode, now.instances)
		}
		idle(t, l)
		if n := strings.Count(l.Stderr(), "\n"); n > 5*containers {
			t.Errorf("%s logged %d lines", mode, n)
		}
		if code := l.Terminate(t); code != 0 {
			t.Errorf("%s: exit code %d", mode, code)
		}
	}
}

// TestPeer14QueueOverflow: elsewhere lines are lost when the kernel's queue of
// file events overflows and nobody looks (fluent/fluent-bit#2197).
//
// lighterman is frozen while a watched directory has more events than the queue
// holds. Then logs that it has fallen asleep over are written and rotated, of
// which it is not told. It notes the overflow, and all lines arrive.
func TestPeer14QueueOverflow(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	l := start(t, ledger.Only(t, "p14", loki.URL)...)
	var all []*engine.Container
	for i := range 3 {
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("p14-", i), Opts: map[string]string{"max-size": "200k", "max-file": "99"},
			Args: []string{"-on-usr1", "-n", "10000", "-tag", "burst"}}))
		known(t, l, all[i])
	}
	onRoute(t, l, "file", len(all))
	idle(t, l)
	freeze(t, l)
	fill(t, all[0].Dir(t))
	for _, c := range all {
		c.Kill(t, "USR1")
		c.Wait(t)
		if n := len(glob(t, c.LogPath(t)+".*")); n < 3 {
			t.Errorf("%s: only %d rotations", c.Name, n)
		}
	}
	thaw(t, l)
	for _, c := range all {
		ledger.Check(t, loki, c)
	}
	if n := l.Metrics(t).Sum("lighterman_inotify_overflows_total"); n == 0 {
		t.Error("no overflow is counted")
	}
	ledger.Clean(t, l)
}

// freeze stops a process, and thaw lets it go on.
func freeze(t testing.TB, l *carrier.Carrier) {
	t.Helper()
	l.Signal(t, syscall.SIGSTOP)
	wait.For(t, 10*time.Second, "lighterman to stand still", func() bool { return process.Stopped(l.PID()) })
}

func thaw(t testing.TB, l *carrier.Carrier) { t.Helper(); l.Signal(t, syscall.SIGCONT) }

// fill makes more events in a directory than an inotify queue holds.
func fill(t testing.TB, dir string) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Fatal(err)
	}
	events, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	// Two names in turn: equal events in a row are made one.
	for k := range events + 100 {
		name := filepath.Join(dir, fmt.Sprint("event", k%2))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPeer15OneInstancePerFile: elsewhere every file has an inotify instance of
// its own, of which a user may have 128: "too many open files" (grafana/loki#4740).
//
// 1,200 containers with logs by file: all are read, later lines too, and there is
// one instance.
func TestPeer15OneInstancePerFile(t *testing.T) {
	t.Parallel()
	containers := amount(1200, 200)
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.Shared(t)
	var all []*engine.Container
	for i := range containers {
		// Created, and given a log: to start each would take many minutes.
		c := docker.Create(t, engine.Spec{Name: fmt.Sprint("p15-", i), Args: []string{"-n", "1"}})
		appendTo(t, c.LogPath(t), jsonLine(time.Now(), "first"))
		all = append(all, c)
	}
	l := start(t, ledger.Only(t, "p15", loki.URL, "--docker-host", docker.Host)...)
	onRoute(t, l, "file", containers)
	selector := fmt.Sprintf(`{container=~%q}`, engine.Prefix(t)+"p15-.*")
	loki.Await(t, selector, containers, 2*time.Minute)
	idle(t, l)
	for _, c := range all {
		appendTo(t, c.LogPath(t), jsonLine(time.Now(), "second"))
	}
	loki.Await(t, selector, 2*containers, 2*time.Minute)
	h := measure(t, l)
	t.Logf("%d containers: %+v", containers, h)
	if h.instances != 1 {
		t.Errorf("%d inotify instances", h.instances)
	}
	if h.goroutines > 60 {
		t.Errorf("%d goroutines", h.goroutines)
	}
	ledger.Clean(t, l)
}

// TestPeer19GrowthUnderChurn: elsewhere memory, goroutines and descriptors grow
// as containers come and go, in the collector and in dockerd, where streams are
// left behind (grafana/loki#17718, #11021; moby/moby#49445).
//
// Round after round of churn, by file and by API: what lighterman holds and what
// dockerd holds is after the last no more than after the first.
func TestPeer19GrowthUnderChurn(t *testing.T) {
	rounds, each := amount(30, 3), amount(60, 20)
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.Shared(t)
	l := start(t, ledger.Only(t, "p19", loki.URL, "--docker-host", docker.Host)...)
	type state struct {
		agent      holdings
		rss        int64
		dockerdFDs int
		threads    int
	}
	look := func() state {
		agent, dockerd := process.Of(t, l.PID()), process.Of(t, docker.PID())
		return state{agent: measure(t, l), rss: agent.RSS, dockerdFDs: dockerd.FDs, threads: dockerd.Threads}
	}
	var first, last state
	for round := range rounds + 1 { // the first is for warming up
		churn(t, docker.Engine, fmt.Sprint("p19-", round), each, "json-file", "local")
		flat := func() bool {
			last = look()
			return last.agent.fds <= first.agent.fds && last.agent.watches <= first.agent.watches &&
				last.agent.goroutines <= first.agent.goroutines+4 && last.dockerdFDs <= first.dockerdFDs+4
		}
		if round == 0 {
			wait.For(t, 2*time.Minute, "all containers to be forgotten", func() bool {
				return int(l.Metrics(t).Sum("lighterman_targets")) == 0
			})
			first = look()
			continue
		}
		if !wait.Until(2*time.Minute, flat) {
			t.Errorf("round %d: %+v has grown to %+v", round, first, last)
			break
		}
	}
	t.Logf("after the first round %+v, after the last %+v", first, last)
	// Threads are never given back: their number is that of the busiest moment.
	if last.threads > first.threads+10 {
		t.Errorf("dockerd's threads have grown from %d to %d", first.threads, last.threads)
	}
	if last.rss > first.rss+first.rss/2+16<<20 {
		t.Errorf("lighterman's memory has grown from %d to %d bytes", first.rss, last.rss)
	}
	ledger.Clean(t, l)
}
