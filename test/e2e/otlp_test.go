package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/otlptest"
	"github.com/lighterman/lighterman/test/wait"
)

// ofContainer chooses the entries of a container.
func ofContainer(c *engine.Container) func(*otlptest.Record) bool {
	return func(r *otlptest.Record) bool { return r.Attributes["container_id"] == c.ID }
}

// received are entries as a ledger has them.
func received(records []otlptest.Record) []ledger.Line {
	out := make([]ledger.Line, 0, len(records))
	for _, r := range records {
		out = append(out, ledger.Line{Time: r.Time, Stream: r.Attributes["log.iostream"], Text: r.Body})
	}
	return out
}

// once leaves out what comes again, and counts it.
func once(lines []ledger.Line) (out []ledger.Line, again int) {
	seen := make(map[ledger.Line]bool, len(lines))
	for _, l := range lines {
		if seen[l] {
			again++
			continue
		}
		seen[l] = true
		out = append(out, l)
	}
	return out, again
}

// toCollector are the arguments that send to a Collector alone, and keep a lighterman to the
// test's containers.
func toCollector(t *testing.T, c *otlptest.Collector, more ...string) []string {
	t.Helper()
	return append([]string{"--otlp-url", c.URL, "--include-name", engine.Prefix(t) + ".*"}, more...)
}

// TestOTLPLikeLoki: what a real Loki and a real Collector get of two outputs are exactly the
// same entries, with the same labels and structured metadata, and those that Docker has stored.
func TestOTLPLikeLoki(t *testing.T) {
	t.Parallel()
	docker, loki, collector := engine.Default(t), lokitest.Shared(t), otlptest.New(t, otlptest.Options{})
	var all []*engine.Container
	for i, args := range [][]string{
		{"-n", "2000", "-tag", "plain", "-streams", "alternate"},
		{"-n", "500", "-tag", "json", "-pattern", "json"},
		{"-corpus", "-sizes", "1,100,20000,200000"},
	} {
		for _, driver := range []string{"json-file", "local"} {
			all = append(all, docker.Start(t, engine.Spec{
				Name: fmt.Sprint("otlp", i, "-", driver), Driver: driver, Args: args, Labels: map[string]string{"com.docker.compose.service": fmt.Sprint("service", i)},
			}))
		}
	}
	file := filepath.Join(t.TempDir(), "lm.yaml")
	replaceFile(t, file, fmt.Sprintf(`external-label: {test: otlp}
structured_metadata: {network: __meta_docker_network_mode}
stages:
  - json: {expressions: {number: n}}
  - structured_metadata: {number: }
outputs: [{name: collector, otlp-url: %q}]
`, collector.URL))
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--config", file)...)
	for _, c := range all {
		c.Wait(t)
		want := ledger.Stored(t, c)
		entries := loki.AwaitMost(t, fmt.Sprintf(`{container=%q, test="otlp"}`, c.Name), len(want), 2*time.Minute)
		records := collector.Await(t, len(want), 2*time.Minute, ofContainer(c))
		ledger.Compare(t, c.Name+" in Loki", want, ledger.Delivered(entries))
		ledger.Compare(t, c.Name+" at the Collector", want, received(records))
		sameFields(t, c.Name, entries, records)
	}
	if _, page, _ := l.Get("/readyz"); !strings.Contains(page, "ok") || strings.Contains(page, "not ok") {
		t.Errorf("not ready:\n%s", page)
	}
	if n := l.Metrics(t).Sum("lighterman_pushes_total", `output="collector"`); n == 0 {
		t.Error("no pushes are counted with the output's name")
	}
	ledger.Clean(t, l)
}

// sameFields wants every entry of a Loki to have the same labels and structured metadata at a
// Collector.
func sameFields(t *testing.T, name string, entries []lokitest.Entry, records []otlptest.Record) {
	t.Helper()
	type key struct {
		time         int64
		stream, text string
	}
	at := make(map[key]otlptest.Record, len(records))
	for _, r := range records {
		at[key{r.Time, r.Attributes["log.iostream"], r.Body}] = r
	}
	different := 0
	for _, e := range entries {
		r := at[key{e.Time, e.Labels["stream"], e.Line}]
		labels, metadata := maps.Clone(r.Resource), maps.Clone(r.Attributes)
		if labels == nil || metadata == nil {
			continue // told of
		}
		labels["service_name"], labels["stream"] = labels["service.name"], metadata["log.iostream"]
		delete(labels, "service.name")
		delete(metadata, "log.iostream")
		own := maps.Clone(e.Metadata)
		level := own["detected_level"] // which Loki finds, too
		delete(own, "detected_level")
		if maps.Equal(labels, e.Labels) && maps.Equal(metadata, own) && r.Observed == r.Time && (r.SeverityText == "" || r.SeverityText == level) && (r.SeverityText == "") == (r.Severity == 0) {
			continue
		}
		if different++; different < 4 {
			t.Errorf("%s: Loki has %v %v (%s) of %.60q, the Collector %v %v (%d %s)", name, e.Labels, own, level, e.Line, r.Resource, r.Attributes, r.Severity, r.SeverityText)
		}
	}
}

// TestOTLPCollectorComesAndGoes: a Collector that is the only output is not there at the start,
// and is stopped and started again under load: nothing is lost, and nothing is there twice.
func TestOTLPCollectorComesAndGoes(t *testing.T) {
	t.Parallel()
	docker, collector := engine.Default(t), otlptest.Reserve(t, otlptest.Options{})
	all := ledger.Writers(t, docker, "collector", 300, "json-file", "local")
	l := carrier.Start(t, toCollector(t, collector)...)
	wait.For(t, time.Minute, "it to be said that nobody is there", func() bool {
		_, page, err := l.Get("/readyz")
		return err == nil && strings.Contains(page, "not ok: sink: ")
	})
	collector.Start(t)
	for range 3 {
		for _, c := range all {
			collector.Await(t, len(collector.Records(t, ofContainer(c)))+300, 2*time.Minute, ofContainer(c))
		}
		l.AwaitReady(t, time.Minute)
		retries := l.Metrics(t).Sum("lighterman_push_retries_total")
		collector.Stop(t)
		wait.For(t, time.Minute, "a push in vain", func() bool { return l.Metrics(t).Sum("lighterman_push_retries_total") > retries })
		collector.Start(t)
	}
	for _, c := range all {
		c.Stop(t)
		want := ledger.Stored(t, c)
		ledger.Compare(t, c.Name, want, received(collector.Await(t, len(want), 2*time.Minute, ofContainer(c))))
	}
	ledger.Clean(t, l)
}

// underWay waits until a push is under way, and a while longer so that it has been written.
func underWay(t *testing.T, l *carrier.Carrier) {
	t.Helper()
	seen := 0
	wait.For(t, time.Minute, "a push to be under way", func() bool {
		if _, page, err := l.Get("/outputs.json"); err != nil || !pushing.MatchString(page) {
			seen = 0
			return false
		}
		seen++
		return seen > 3 // it has no answer
	})
}

var pushing = regexp.MustCompile(`"pushes_under_way": ?[1-9]`)

// TestOTLPKilled: lighterman is killed again and again, the last time while the Collector has
// requests that it has not answered. Nothing is lost, and what is there twice, as OTLP has no
// way to know it, is the very same record: what was being sent.
func TestOTLPKilled(t *testing.T) {
	t.Parallel()
	docker, collector := engine.Default(t), otlptest.New(t, otlptest.Options{})
	all := ledger.Writers(t, docker, "otlpkill", 200, "json-file", "local")
	args := toCollector(t, collector, "--state-dir", t.TempDir())
	l := carrier.Start(t, args...)
	const kills = 6
	for i := range kills {
		for _, c := range all {
			collector.Await(t, len(collector.Records(t, ofContainer(c)))+100, 2*time.Minute, ofContainer(c))
		}
		if i == kills-1 {
			collector.Freeze(t)
			underWay(t, l)
		}
		l.Kill9(t)
		if i == kills-1 {
			collector.Thaw(t)
		}
		l = carrier.Start(t, args...)
	}
	for _, c := range all {
		c.Stop(t)
	}
	twice := 0
	for _, c := range all {
		want := ledger.Stored(t, c)
		var records []otlptest.Record
		var lines []ledger.Line
		again := 0
		complete := wait.Until(2*time.Minute, func() bool {
			records = collector.Records(t, ofContainer(c))
			lines, again = once(received(records))
			return len(lines) >= len(want)
		})
		t.Logf("%s: %d entries, %d of them twice after %d kills (complete: %v)", c.Name, len(want), again, kills, complete)
		ledger.Compare(t, c.Name, want, lines)
		alike(t, c.Name, records)
		twice += again
		if again > len(want)/2 {
			t.Errorf("%s: %d of %d entries are there twice, which is more than was being sent", c.Name, again, len(want))
		}
	}
	if twice == 0 {
		t.Error("nothing is there twice: docs/outputs.md says that a Collector has what is sent again a second time")
	}
	ledger.Clean(t, l)
}

// alike wants all records of an entry to be the same.
func alike(t *testing.T, name string, records []otlptest.Record) {
	t.Helper()
	type key struct {
		time int64
		text string
	}
	first := make(map[key]otlptest.Record, len(records))
	for _, r := range records {
		k := key{r.Time, r.Body}
		f, seen := first[k]
		if !seen {
			first[k] = r
			continue
		}
		if f.Severity != r.Severity || f.Observed != r.Observed || !maps.Equal(f.Resource, r.Resource) || !maps.Equal(f.Attributes, r.Attributes) {
			t.Errorf("%s: the same entry is %+v, and %+v", name, f, r)
			return
		}
	}
}

// TestOTLPTooLarge: a Collector that takes small requests only gets everything in smaller ones,
// and what is too large by itself costs that line alone.
func TestOTLPTooLarge(t *testing.T) {
	t.Parallel()
	docker, collector := engine.Default(t), otlptest.New(t, otlptest.Options{MaxBody: 40_000})
	small := docker.Start(t, engine.Spec{Name: "small", Args: []string{"-n", "3000", "-tag", "small"}})
	large := docker.Start(t, engine.Spec{Name: "large", Args: []string{"-n", "20", "-tag", "large", "-sizes", "90000"}})
	small.Wait(t)
	large.Wait(t)
	l := carrier.Start(t, toCollector(t, collector)...)
	want := ledger.Stored(t, small)
	ledger.Compare(t, small.Name, want, received(collector.Await(t, len(want), 2*time.Minute, ofContainer(small))))
	want = slices.DeleteFunc(ledger.Stored(t, large), func(l ledger.Line) bool { return len(l.Text) > 80_000 })
	if len(want) != 20 {
		t.Fatalf("%d lines are small", len(want))
	}
	ledger.Compare(t, large.Name, want, received(collector.Await(t, len(want), 2*time.Minute, ofContainer(large))))
	wait.For(t, time.Minute, "the large line to be refused", func() bool {
		return l.Metrics(t).Sum("lighterman_rejected_lines_total", `reason="too_large"`) == 1
	})
	if n := l.Metrics(t).Sum("lighterman_rejected_lines_total"); n != 1 {
		t.Errorf("%v lines are refused", n)
	}
	if code := l.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestOTLPToLoki: Loki takes OTLP, too, and recognises there what is sent again: lighterman is
// killed while Loki has requests that it has not answered, and each line is there once.
func TestOTLPToLoki(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	all := ledger.Writers(t, docker, "otlploki", 200, "json-file", "local")
	args := []string{"--otlp-url", loki.URL + "/otlp/v1/logs", "--include-name", engine.Prefix(t) + ".*", "--state-dir", t.TempDir()}
	l := carrier.Start(t, args...)
	l.AwaitReady(t, time.Minute)
	selector := func(c *engine.Container) string { return fmt.Sprintf(`{service_name=~".+"} | container_id=%q`, c.ID) }
	for range 3 {
		for _, c := range all {
			want := loki.Count(t, selector(c)) + 100
			wait.For(t, time.Minute, "more lines of "+c.Name, func() bool { return loki.Count(t, selector(c)) >= want })
		}
		loki.Freeze(t)
		underWay(t, l)
		l.Kill9(t)
		loki.Thaw(t)
		l = carrier.Start(t, args...)
	}
	for _, c := range all {
		c.Stop(t)
	}
	for _, c := range all {
		want := ledger.Stored(t, c)
		entries := loki.AwaitMost(t, selector(c), len(want), 2*time.Minute)
		got := make([]ledger.Line, 0, len(entries))
		for _, e := range entries {
			got = append(got, ledger.Line{Time: e.Time, Stream: e.Metadata["log_iostream"], Text: e.Line})
		}
		ledger.Compare(t, c.Name, want, got)
	}
	ledger.Clean(t, l)
}

// TestOTLPToLokiRefused: a Loki over OTLP refuses a push of nothing in words of its own. That it
// is one is found nevertheless, before any line is there, and a line that it does not take is
// rejected and counted, while all others arrive.
func TestOTLPToLokiRefused(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), lokitest.New(t, nil)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	c := carrier.Start(t, "--otlp-url", loki.URL+"/otlp/v1/logs", "--docker-host", "none", "--docker-root", root.Dir,
		"--journal-dir", "none", "--since", "beginning", "--state-dir", t.TempDir())
	c.AwaitReady(t, time.Minute)
	now, old := time.Now().Add(-time.Minute), time.Now().Add(-8*24*time.Hour)
	const n = 60
	for k := range n {
		web.Append(t, dataroot.JSON(now.Add(time.Duration(k)*time.Millisecond), fmt.Sprint("line ", k)))
		if k == n/2 {
			web.Append(t, dataroot.JSON(old, "too old"))
		}
	}
	loki.Await(t, `{service_name=~".+"}`, n, 2*time.Minute)
	wait.For(t, time.Minute, "the old line to be counted", func() bool {
		m := c.Metrics(t)
		return m.Sum("lighterman_rejected_lines_total") == 1 && m.Sum("lighterman_container_pending_lines") == 0
	})
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
