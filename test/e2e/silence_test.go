package e2e

import (
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dockerproxy"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
)

// TestLongSearch: the engine decodes all of a log before the place where a stream is
// to begin, which takes it 20 s per GiB. A stream that is silent for that reason is
// left alone: opened again and again, it would never bring anything.
func TestLongSearch(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	proxy := dockerproxy.New(t, docker.Host)
	c := docker.Start(t, engine.Spec{Name: "search", Opts: map[string]string{"max-size": "1g"}, Args: []string{"-n", "-1", "-rate", "20", "-tag", "s"}})
	args := ledger.Mine(t, loki.URL, "--docker-host", proxy.Host, "--mode", "stream", "--state-dir", t.TempDir())
	first := carrier.Start(t, args...)
	ledger.Growth(t, loki, c, 20)
	first.Terminate(t)
	// Longer than it takes to doubt a stream that has spoken: a look is made every
	// 10 s, and 10 s of silence are nothing.
	proxy.Search(25 * time.Second)
	second := carrier.Start(t, args...)
	ledger.Growth(t, loki, c, 500) // what was written meanwhile is 25 s of it
	if n := second.Metrics(t).Sum("lighterman_api_reconnects_total"); n != 0 {
		t.Errorf("the stream was opened again %v times", n)
	}
	proxy.Search(0)
	c.Stop(t)
	ledger.Check(t, loki, c)
	ledger.Clean(t, second)
}

// TestStreamWithoutEnd: a stream that does not end with its container, because its
// connection is gone without a word or the engine has lost it, is noticed, and what
// it has not brought is delivered.
func TestStreamWithoutEnd(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	proxy := dockerproxy.New(t, docker.Host)
	c := docker.Start(t, engine.Spec{Name: "endless", Driver: "local", Args: []string{"-n", "-1", "-rate", "20", "-tag", "e"}})
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--docker-host", proxy.Host, "--mode", "stream")...)
	ledger.Growth(t, loki, c, 20)
	if n := proxy.Stall(); n != 1 {
		t.Errorf("%d streams are open", n)
	}
	c.Stop(t)
	ledger.Check(t, loki, c)
	ledger.Clean(t, l)
}

// TestResumeByTail: a log without a bound is resumed some records before its end,
// as the engine decodes all of it to find a time. Where more was written meanwhile it
// is tried with more; and nothing is lost, or there twice.
func TestResumeByTail(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	proxy := dockerproxy.New(t, docker.Host)
	long := map[string]string{"max-size": "1g", "max-file": "2"}
	c := docker.Start(t, engine.Spec{Name: "tail", Opts: long, Args: []string{"-n", "4000", "-rate", "1000", "-streams", "alternate"}})
	terminal := docker.Start(t, engine.Spec{Name: "tail-tty", Opts: long, TTY: true, Args: []string{"-n", "4000", "-rate", "1000"}})
	args := ledger.Mine(t, loki.URL, "--docker-host", proxy.Host, "--mode", "stream", "--state-dir", t.TempDir())
	for i, runs := range []int{0, 3, 1} {
		c.Wait(t)
		terminal.Wait(t)
		for range runs {
			c.Start(t)
			terminal.Start(t)
			c.Wait(t)
			terminal.Wait(t)
		}
		before := []int{proxy.Requests("tail=10000"), proxy.Requests("tail=300000")}
		l := carrier.Start(t, args...)
		ledger.Check(t, loki, c)
		ledger.Check(t, loki, terminal)
		ledger.Clean(t, l)
		// The first start looks for the time of since, which lies before all there is, and
		// after 12,000 lines 10,000 are not enough.
		want := [][]bool{{true, true}, {true, true}, {true, false}}[i]
		for j, tail := range []string{"tail=10000", "tail=300000"} {
			if got := proxy.Requests(tail) > before[j]; got != want[j] {
				t.Errorf("start %d: opened with %s: %v, want %v", i, tail, got, want[j])
			}
		}
	}
}

// TestResumeOfCompressed: an engine before 23.0 that is asked for a log from a time on passes
// over all rotated files as soon as it finds a compressed one that is older. What was written
// to several files while lighterman was away is read all the same.
func TestResumeOfCompressed(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local"} {
		all = append(all, docker.Start(t, engine.Spec{
			Name: "compressed-" + driver, Driver: driver, Opts: map[string]string{"max-size": "50k", "max-file": "30", "compress": "true"},
			Args: []string{"-n", "2000", "-rate", "2000", "-streams", "alternate"},
		}))
	}
	args := ledger.Mine(t, loki.URL, "--mode", "stream", "--state-dir", t.TempDir())
	for range 3 {
		for _, c := range all {
			c.Wait(t)
		}
		l := carrier.Start(t, args...)
		for _, c := range all {
			ledger.Check(t, loki, c)
		}
		ledger.Clean(t, l)
		for _, c := range all {
			c.Start(t)
		}
	}
}
