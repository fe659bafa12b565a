package peers

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dockerproxy"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/process"
	"github.com/lighterman/lighterman/test/wait"
)

// onRoute waits until n containers go by a route.
func onRoute(t testing.TB, c *carrier.Carrier, route string, n int) {
	t.Helper()
	wait.For(t, 2*time.Minute, fmt.Sprintf("%d containers on route %s", n, route), func() bool {
		return int(c.Metrics(t).Sum("lighterman_targets", fmt.Sprintf("route=%q", route))) == n
	})
}

// TestPeer07LongLinesCorrupted: elsewhere lines longer than Docker's 16 KiB come
// out in pieces, with timestamps in their middle (grafana/loki#10125,
// grafana/alloy#4625).
//
// Lines of 16383, 16384 and 16385 bytes, of 1 MiB, without a final line feed,
// and other awkward ones, on both streams, with and without a terminal: what
// Docker stored is what Loki returns, on every route.
func TestPeer07LongLinesCorrupted(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	sizes := []string{"-sizes", "0,1,16383,16384,16385,32768,100000,1048576", "-corpus", "-unterminated"}
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		for _, tty := range []bool{false, true} {
			for _, streams := range []string{"stdout", "both"} {
				c := docker.Start(t, engine.Spec{Name: fmt.Sprintf("p07-%s-%v-%s", driver, tty, streams), Driver: driver, TTY: tty,
					Args: append([]string{"-streams", streams}, sizes...)})
				c.Wait(t)
				// A second run, after an unfinished line.
				c.Start(t)
				c.Wait(t)
				all = append(all, c)
			}
		}
	}
	for _, mode := range []string{"hybrid", "stream"} {
		t.Run(mode, func(t *testing.T) {
			// A label of its own keeps the two runs apart in one Loki.
			l := start(t, ledger.Only(t, "p07", loki.URL, "--mode", mode, "--external-label", "run="+mode, "--max-line-bytes", "2MiB")...)
			for _, c := range all {
				want := ledger.Stored(t, c)
				got := loki.Await(t, strings.Replace(ledger.Selector(c), "{", `{run="`+mode+`", `, 1), len(want), 2*time.Minute)
				ledger.Compare(t, c.Name, want, ledger.Delivered(got))
			}
			ledger.Clean(t, l)
		})
	}
}

// TestPeer12HotLoopOnUnreadable: elsewhere a container whose driver cannot be
// read is asked for its log in a loop (vectordotdev/vector#8179).
//
// The driver none, and one whose cache is disabled: one warning each, a metric,
// no request for their logs, and next to no CPU time.
// What is measured has the engine for itself.
func TestPeer12HotLoopOnUnreadable(t *testing.T) {
	docker, loki, syslog := engine.Default(t), lokitest.Shared(t), engine.StartSyslog(t)
	proxy := dockerproxy.New(t, docker.Host)
	unreadable := []*engine.Container{
		docker.Start(t, engine.Spec{Name: "p12-none", Driver: "none", Args: []string{"-n", "-1", "-rate", "100"}}),
		docker.Start(t, engine.Spec{Name: "p12-uncached", Driver: "syslog", Args: []string{"-n", "-1", "-rate", "100"},
			Opts: map[string]string{"syslog-address": syslog.UDP, "cache-disabled": "true"}}),
	}
	l := start(t, ledger.Only(t, "p12", loki.URL, "--docker-host", proxy.Host)...)
	onRoute(t, l, "unreadable", len(unreadable))
	if n := l.Metrics(t).Sum("lighterman_unreadable_containers"); int(n) != len(unreadable) {
		t.Errorf("the metric says %v", n)
	}
	unreadable[0].Restart(t) // an event: it is looked at again
	before, requests, began := process.Of(t, l.PID()), proxy.Requests(""), time.Now()
	period := time.Duration(amount(300, 8)) * time.Second
	wait.For(t, period+time.Minute, "some time", func() bool { return time.Since(began) > period })
	used, asked := process.Of(t, l.PID()).CPU-before.CPU, proxy.Requests("")-requests
	t.Logf("in %v: %v CPU time, %d requests", time.Since(began), used, asked)
	if used > period/20 || asked > 10 {
		t.Errorf("%v CPU time and %d requests in %v", used, asked, period)
	}
	if n := proxy.Requests("/logs"); n != 0 {
		t.Errorf("the engine was asked for logs %d times", n)
	}
	for _, c := range unreadable {
		warnings := 0
		for line := range strings.Lines(l.Stderr()) {
			if strings.Contains(line, c.ID[:12]) && strings.Contains(line, "WARN") {
				warnings++
			}
		}
		if warnings != 1 {
			t.Errorf("%s: %d warnings", c.Name, warnings)
		}
	}
	ledger.Clean(t, l)
}

// TestPeer17OneBadLine: elsewhere a line that Loki refuses takes the others of
// its batch with it, or blocks them for good (fluent/fluent-bit#3082).
//
// One line older than Loki allows, between lines of today, by file and by API:
// the others are stored, and one reject is counted and told.
func TestPeer17OneBadLine(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	c := docker.Start(t, engine.Spec{Name: "p17", Args: []string{"-n", "1"}})
	c.Wait(t)
	now := time.Now().Add(-time.Minute)
	var log strings.Builder
	for k := range 1001 {
		if k == 500 {
			log.WriteString(jsonLine(now.Add(-8*24*time.Hour), "too old"))
			continue
		}
		log.WriteString(jsonLine(now.Add(time.Duration(k)*time.Millisecond), fmt.Sprint("line ", k)))
	}
	replace(t, c.LogPath(t), log.String())
	for _, mode := range []string{"file", "stream"} {
		t.Run(mode, func(t *testing.T) {
			l := start(t, ledger.Only(t, "p17", loki.URL, "--mode", mode, "--since", "beginning", "--external-label", "run="+mode)...)
			selector := strings.Replace(ledger.Selector(c), "{", `{run="`+mode+`", `, 1)
			want := ledger.Stored(t, c)
			want = append(want[:500:500], want[501:]...)
			ledger.Compare(t, c.Name, want, ledger.Delivered(loki.Await(t, selector, len(want), 2*time.Minute)))
			idle(t, l)
			if n := l.Metrics(t).Sum("lighterman_rejected_lines_total"); n != 1 {
				t.Errorf("%v lines are counted as refused", n)
			}
			if !strings.Contains(l.Stderr(), "rejected for good") {
				t.Error("nothing is said of it")
			}
			if code := l.Terminate(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// TestPeer20StallAtRotation: elsewhere a log that is followed through the API
// falls silent when it is rotated or truncated (moby/moby#37646, #45728).
//
// By API, a stream that falls silent is noticed and opened again, and a log that
// is rotated and truncated goes on to its last line. An engine before 23 leaves
// out and repeats lines itself when it follows a log across rotations, the more
// the busier the host is; so what counts is what it has sent: each line of that
// is in Loki, once. By file, which is what json-file gets unless asked
// otherwise, nothing at all is missing.
func TestPeer20StallAtRotation(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	proxy := dockerproxy.New(t, docker.Host)
	api := start(t, ledger.Only(t, "p20", loki.URL, "--docker-host", proxy.Host, "--mode", "stream", "--external-label", "run=api")...)
	file := start(t, ledger.Only(t, "p20-json", loki.URL, "--external-label", "run=file")...)
	spec := func(driver string) engine.Spec {
		return engine.Spec{Name: "p20-" + driver, Driver: driver, Opts: map[string]string{"max-size": "50k", "max-file": "999"},
			Args: []string{"-n", "-1", "-rate", "300", "-tag", "followed"}}
	}
	rotated, local := docker.Start(t, spec("json-file")), docker.Start(t, spec("local"))
	truncated := docker.Start(t, engine.Spec{Name: "p20-truncated", Args: []string{"-n", "-1", "-rate", "300", "-tag", "followed"}})
	by := func(run string, c *engine.Container) string {
		return strings.Replace(ledger.Selector(c), "{", `{run="`+run+`", `, 1)
	}
	for range amount(20, 3) {
		before := len(glob(t, rotated.LogPath(t)+".*"))
		wait.For(t, 2*time.Minute, "two rotations", func() bool { return len(glob(t, rotated.LogPath(t)+".*")) >= before+2 })
		if err := os.Truncate(truncated.LogPath(t), 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := proxy.Stall(); n != 3 {
		t.Errorf("%d streams are open", n)
	}
	wait.For(t, 2*time.Minute, "streams to be opened again", func() bool {
		return int(api.Metrics(t).Sum("lighterman_api_reconnects_total")) >= 3
	})
	growth(t, loki, by("api", rotated), 100)
	for _, c := range []*engine.Container{rotated, local, truncated} {
		c.Stop(t)
	}
	all := ledger.Stored(t, rotated)
	ledger.Compare(t, "by file", all, ledger.Delivered(loki.Await(t, by("file", rotated), len(all), 2*time.Minute)))
	for _, c := range []*engine.Container{rotated, local, truncated} {
		stored := ledger.Stored(t, c)
		last := stored[len(stored)-1]
		var want, got []ledger.Line
		var late map[ledger.Line]bool
		// A stream that followed the run ends before the one that is opened when the run
		// is over.
		if !wait.Until(2*time.Minute, func() bool {
			want, late = sent(t, proxy, c)
			return proxy.Streams() == 0 && len(want) > 0 && want[len(want)-1] == last
		}) {
			t.Fatalf("%s: the last line was not sent: %d streams have brought %d lines and %d late ones, %d are open",
				c.Name, len(proxy.Sent(c.ID)), len(want), len(late), proxy.Streams())
		}
		idle(t, api)
		want, late = sent(t, proxy, c)
		wait.Until(2*time.Minute, func() bool {
			got = slices.DeleteFunc(ledger.Delivered(loki.All(t, by("api", c))), func(l ledger.Line) bool { return late[l] })
			return len(got) >= len(want)
		})
		ledger.Compare(t, c.Name+", as the engine has sent it", want, got)
		t.Logf("%s: Docker has %d lines, and has sent %d in %d streams", c.Name, len(stored), len(want), len(proxy.Sent(c.ID)))
	}
	ledger.Clean(t, api)
	ledger.Clean(t, file)
}

// growth waits until more lines match.
func growth(t testing.TB, loki *lokitest.Loki, selector string, lines int) {
	t.Helper()
	before := loki.Count(t, selector)
	wait.For(t, 2*time.Minute, "more lines of "+selector, func() bool { return loki.Count(t, selector) >= before+lines })
}

// sent is what an engine has sent of a container's log, each line once, in order
// of time. Late are lines that need not be in Loki and may be: those that it passed
// over in one stream and sent in the next, which begins a little before, as they
// cannot be told from those sent before; and those under way when the client left,
// which it may pass over in the next.
func sent(t testing.TB, proxy *dockerproxy.Proxy, c *engine.Container) (out []ledger.Line, late map[ledger.Line]bool) {
	t.Helper()
	seen := make(map[engine.Record]bool)
	late = make(map[ledger.Line]bool)
	var newest int64
	for _, stream := range proxy.Sent(c.ID) {
		records := decode(t, stream.Body[:stream.Sure])
		for _, r := range records {
			if seen[r] {
				continue
			}
			seen[r] = true
			line := ledger.Expected([]engine.Record{r})
			if r.Time < newest {
				late[line[0]] = true
			} else {
				out = append(out, line...)
			}
		}
		for _, r := range records {
			newest = max(newest, r.Time)
		}
	}
	for _, stream := range proxy.Sent(c.ID) {
		for _, r := range decode(t, stream.Body) {
			if !seen[r] {
				late[ledger.Expected([]engine.Record{r})[0]] = true
			}
		}
	}
	slices.SortStableFunc(out, func(a, b ledger.Line) int { return int(a.Time - b.Time) })
	return out, late
}

// decode returns the records of what the engine has sent.
func decode(t testing.TB, body []byte) []engine.Record {
	t.Helper()
	records, err := engine.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// TestPeer21SwitchingDuplicates: elsewhere a change from the file to the API and
// back shows lines twice (DataDog/datadog-agent#13250), and a file that may not
// be read is given up for good (vectordotdev/vector#20237).
//
// A lighterman that may not read the files goes by API and says why. Another
// gets the files and loses them again and again, in the middle of the stream: no
// line is lost or there twice.
func TestPeer21SwitchingDuplicates(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	t.Run("permission denied", func(t *testing.T) {
		c := docker.Start(t, engine.Spec{Name: "p21-denied", Args: []string{"-n", "1000", "-streams", "alternate"}})
		l := unprivileged(t, ledger.Only(t, "p21-denied", loki.URL, "--docker-root", docker.Root(t), "--docker-host", docker.Host)...)
		onRoute(t, l, "api", 1)
		ledger.Check(t, loki, c)
		if !strings.Contains(l.Stderr(), "cannot be read here") || !strings.Contains(l.Stderr(), "permission denied") {
			t.Error("the reason is not told")
		}
		ledger.Clean(t, l)
	})
	t.Run("switch", func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "root")
		c := ledger.Writers(t, docker, "p21-switch", 400, "json-file")[0]
		t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
		l := start(t, ledger.Only(t, "p21-switch", loki.URL, "--docker-root", root)...)
		for range amount(20, 2) {
			onRoute(t, l, "api", 1)
			ledger.Growth(t, loki, c, 500)
			// As a mount into lighterman's own container comes and goes.
			must(t, os.Mkdir(root, 0o700))
			must(t, unix.Mount(docker.Root(t), root, "", unix.MS_BIND, ""))
			onRoute(t, l, "file", 1)
			ledger.Growth(t, loki, c, 500)
			must(t, unix.Unmount(root, unix.MNT_DETACH))
			must(t, os.Remove(root))
		}
		onRoute(t, l, "api", 1)
		c.Stop(t)
		ledger.Check(t, loki, c)
		ledger.Clean(t, l)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unprivileged runs a lighterman that may use the engine's socket and read
// nothing of root's.
func unprivileged(t *testing.T, args ...string) *carrier.Carrier {
	t.Helper()
	need.Root(t)
	need.Program(t, "setpriv")
	dir, err := os.MkdirTemp("", "lmu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const user = 65534
	state := filepath.Join(dir, "state")
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(state, 0o700), os.Chown(state, user, user), copyFile(carrier.Binary(t), filepath.Join(dir, "lighterman"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l := carrier.StartWith(t, carrier.Options{
		Program: filepath.Join(dir, "lighterman"),
		Args:    append(args, "--state-dir", state),
		Wrap:    []string{"setpriv", "--reuid", fmt.Sprint(user), "--regid", "docker", "--clear-groups", "--no-new-privs"},
	})
	l.AwaitReady(t, 2*time.Minute)
	return l
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
