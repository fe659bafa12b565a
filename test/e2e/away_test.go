package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/process"
	"github.com/lighterman/lighterman/test/push"
	"github.com/lighterman/lighterman/test/wait"
)

// TestLokiAway takes Loki away for LIGHTERMAN_OUTAGE (default 20s) while containers
// write. Meanwhile memory does not grow, and neither the containers nor `docker
// stop` take notice; afterwards everything arrives, in order of time within each
// stream, much faster than it was written.
func TestLokiAway(t *testing.T) {
	docker, loki := engine.Default(t), lokitest.New(t, map[string]string{"shard_streams": "{enabled: false}"})
	lasts := outage(t)
	const containers, rate = 20, 50
	proxy := lokiproxy.New(t, loki.URL)
	order := inOrder{newest: map[string]int64{}}
	proxy.Tap(order.push)
	l := measured(t, ledger.Mine(t, proxy.URL)...)
	idle := make([]*engine.Container, 4)
	for i := range idle {
		idle[i] = docker.Start(t, engine.Spec{Name: fmt.Sprint("idle", i), Args: []string{"-n", "10", "-linger"}})
	}
	var all []*engine.Container
	for i := range containers {
		driver := "json-file"
		if i%5 == 0 {
			driver = "local"
		}
		all = append(all, docker.Start(t, engine.Spec{Name: fmt.Sprint("busy", i), Driver: driver,
			Args: []string{"-n", "-1", "-rate", fmt.Sprint(rate), "-tag", fmt.Sprint("b", i), "-streams", "alternate"}}))
	}
	ledger.Growth(t, loki, all[containers-1], 100)
	before := stopTime(t, idle[0], idle[1])

	gone := time.Now()
	loki.Stop(t)
	var memory []int
	for time.Since(gone) < lasts {
		time.Sleep(lasts / 100)
		memory = append(memory, int(process.Of(t, l.PID()).RSS>>10))
	}
	during := stopTime(t, idle[2], idle[3])
	wrote := time.Since(gone)
	loki.Start(t)
	back := time.Now()
	backlog := int(wrote.Seconds() * containers * rate)
	reached := wait.Until(5*time.Minute, func() bool { return oldest(l) < 2 })
	took := time.Since(back)
	if !reached {
		t.Error("nothing has been caught up with in 5 minutes")
	}
	lines := 0
	for _, c := range all {
		c.Stop(t)
	}
	for _, c := range all {
		ledger.Check(t, loki, c)
		n := len(ledger.Stored(t, c))
		if want := int(wrote.Seconds() * rate); n < want*9/10 {
			t.Errorf("%s has written %d lines in %v, at least %d were due: it was held up", c.Name, n, wrote, want)
		}
		lines += n
	}
	settled := memory[len(memory)/4:]
	lowest, highest := settled[0], settled[0]
	for _, m := range settled {
		lowest, highest = min(lowest, m), max(highest, m)
	}
	t.Logf("Loki away for %v: RSS %d to %d KiB; docker stop %v, before %v", wrote.Round(time.Second), lowest, highest, during, before)
	t.Logf("about %d lines waited and arrived within %v, %.0f times as fast as they were written; %d lines in all",
		backlog, took.Round(100*time.Millisecond), wrote.Seconds()/took.Seconds(), lines)
	if highest-lowest > 16<<10 {
		t.Errorf("RSS has grown by %d KiB", highest-lowest)
	}
	if during > 5*before+time.Second {
		t.Errorf("docker stop takes %v, before it took %v", during, before)
	}
	if order.pushes == 0 || order.bad > 0 {
		t.Errorf("%d of %d entries came after a newer one of their stream, in %d pushes", order.bad, order.entries, order.pushes)
	}
	ledger.Clean(t, l)
}

// inOrder checks that each stream is pushed in order of time.
type inOrder struct {
	newest               map[string]int64 // by labels
	pushes, entries, bad int
}

func (o *inOrder) push(body []byte) {
	entries, err := push.Decode(body)
	if err != nil {
		return
	}
	o.pushes++
	o.entries += len(entries)
	for _, e := range entries {
		if e.Nanos < o.newest[e.Labels] {
			o.bad++
		}
		o.newest[e.Labels] = max(o.newest[e.Labels], e.Nanos)
	}
}

// stopTime is how long `docker stop` takes, of two containers the quicker.
func stopTime(t testing.TB, a, b *engine.Container) time.Duration {
	t.Helper()
	began := time.Now()
	a.Stop(t)
	first := time.Since(began)
	began = time.Now()
	b.Stop(t)
	return min(first, time.Since(began)).Round(time.Millisecond)
}

// oldest is the age in seconds of the oldest line that is read and not delivered;
// a backlog that is not read yet counts as old.
func oldest(l *carrier.Carrier) float64 {
	var now struct {
		Containers []struct {
			LagBytes   int64   `json:"lag_bytes"`
			LagSeconds float64 `json:"lag_seconds"`
		} `json:"containers"`
	}
	code, body, err := l.Get("/status.json")
	if err != nil || code != 200 || json.Unmarshal([]byte(body), &now) != nil || len(now.Containers) == 0 {
		return 1e9
	}
	var age float64
	for _, c := range now.Containers {
		age = max(age, c.LagSeconds)
		if c.LagBytes > 256<<10 {
			return 1e9
		}
	}
	return age
}
