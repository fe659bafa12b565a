package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// Writers starts a container per driver that writes until it is stopped. Nothing
// of what json-file stores is rotated away.
func Writers(t testing.TB, docker *engine.Engine, name string, rate int, drivers ...string) (all []*engine.Container) {
	t.Helper()
	return writers(t, docker, name, rate, map[string]string{"max-size": "500k", "max-file": "50"}, drivers)
}

// SlowWriters is Writers for what goes through all that was written again and again, and would
// never end where that is written faster. Files are small, so that they are rotated as often.
func SlowWriters(t testing.TB, docker *engine.Engine, name string, drivers ...string) []*engine.Container {
	t.Helper()
	return writers(t, docker, name, 60, map[string]string{"max-size": "100k", "max-file": "250"}, drivers)
}

func writers(t testing.TB, docker *engine.Engine, name string, rate int, rotation map[string]string, drivers []string) (all []*engine.Container) {
	t.Helper()
	for i, driver := range drivers {
		spec := engine.Spec{Name: fmt.Sprint(name, i, "-", driver), Driver: driver,
			Args: []string{"-n", "-1", "-rate", fmt.Sprint(rate), "-tag", driver, "-streams", "alternate"}}
		if driver == "json-file" {
			spec.Opts = rotation
		}
		all = append(all, docker.Start(t, spec))
	}
	return all
}

// Growth waits until more lines of a container have arrived.
func Growth(t testing.TB, loki *lokitest.Loki, c *engine.Container, lines int) {
	t.Helper()
	GrowthOf(t, loki, []*engine.Container{c}, lines)
}

// GrowthOf waits until more lines of each of the containers have arrived.
func GrowthOf(t testing.TB, loki *lokitest.Loki, all []*engine.Container, lines int) {
	t.Helper()
	want := make([]int, len(all))
	for i, c := range all {
		want[i] = loki.Count(t, Selector(c)) + lines
	}
	for i, c := range all {
		wait.For(t, 2*time.Minute, "more lines of "+c.Name, func() bool { return loki.Count(t, Selector(c)) >= want[i] })
	}
}

// Mine are the arguments that send to a Loki and keep a lighterman to a test's
// containers.
func Mine(t testing.TB, url string, more ...string) []string {
	t.Helper()
	return Only(t, "", url, more...)
}

// Only are those that keep it to the test's containers whose names go on with a word, for
// subtests that run side by side.
func Only(t testing.TB, word, url string, more ...string) []string {
	t.Helper()
	return append([]string{"--loki-url", url, "--include-name", engine.Prefix(t) + word + ".*"}, more...)
}

// Clean checks a lighterman's end: nothing refused, exit code 0.
func Clean(t testing.TB, c *carrier.Carrier) {
	t.Helper()
	if n := c.Metrics(t).Sum("lighterman_rejected_lines_total"); n != 0 {
		t.Errorf("%v lines refused", n)
	}
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
