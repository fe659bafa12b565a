package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
)

func TestMain(m *testing.M) {
	code := m.Run()
	lokitest.StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}

// line is what must be equal on both sides.
type line struct {
	time   int64
	stream string
	text   string
}

func (l line) String() string { return fmt.Sprintf("%d %s %.60q", l.time, l.stream, l.text) }

// stored is what Docker has of a container, as Loki must have it: in UTF-8, and
// with the n-th of several equal lines n-1 ns later.
func stored(t testing.TB, c *engine.Container) []line {
	t.Helper()
	seen := make(map[line]int64)
	var out []line
	for _, r := range c.Logs(t) {
		l := line{r.Time, r.Stream, valid(r.Line)}
		seen[l]++
		l.time += seen[line{r.Time, l.stream, l.text}] - 1
		out = append(out, l)
	}
	return out
}

// valid replaces each byte that is not UTF-8, as Docker's json-file driver does.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// delivered is what Loki has of a container.
func delivered(entries []lokitest.Entry) []line {
	out := make([]line, 0, len(entries))
	for _, e := range entries {
		out = append(out, line{e.Time, e.Labels["stream"], e.Line})
	}
	return out
}

// compare wants the same lines on both sides, each once.
func compare(t testing.TB, name string, want, got []line) {
	t.Helper()
	order := func(a, b line) int {
		switch {
		case a.time != b.time:
			return int(a.time - b.time)
		case a.stream != b.stream:
			return strings.Compare(a.stream, b.stream)
		}
		return strings.Compare(a.text, b.text)
	}
	want, got = slices.Clone(want), slices.Clone(got)
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if slices.Equal(want, got) {
		return
	}
	lost, extra := difference(want, got, order), difference(got, want, order)
	t.Errorf("%s: %d lines stored, %d in Loki; %d lost, %d repeated or changed", name, len(want), len(got), len(lost), len(extra))
	for _, l := range lost[:min(3, len(lost))] {
		t.Logf("%s: lost %v (%d bytes)", name, l, len(l.text))
	}
	for _, l := range extra[:min(3, len(extra))] {
		t.Logf("%s: too much %v (%d bytes)", name, l, len(l.text))
	}
}

// difference returns what is in a and not in b, both sorted.
func difference(a, b []line, order func(a, b line) int) (out []line) {
	for len(a) > 0 {
		switch {
		case len(b) == 0 || order(a[0], b[0]) < 0:
			out = append(out, a[0])
			a = a[1:]
		case order(a[0], b[0]) > 0:
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// byID selects a container's lines whatever it was called.
func byID(c *engine.Container) string {
	return fmt.Sprintf(`{service_name=~".+"} | container_id=%q`, c.ID)
}

// check waits until Loki has as many lines of a container as Docker has stored,
// and compares them.
func check(t testing.TB, loki *lokitest.Loki, c *engine.Container) {
	t.Helper()
	want := stored(t, c)
	compare(t, c.Name+" ("+c.Spec.Driver+")", want, delivered(loki.Await(t, byID(c), len(want), 2*time.Minute)))
}

// mine are the arguments that keep a lighterman to this process's containers.
func mine(loki *lokitest.Loki, more ...string) []string {
	return append([]string{"--loki-url", loki.URL, "--include-name", engine.Prefix() + ".*"}, more...)
}

// clean checks a lighterman's end: nothing refused, exit code 0.
func clean(t testing.TB, c *carrier.Carrier) {
	t.Helper()
	if n := c.Metrics(t).Sum("lighterman_rejected_lines_total"); n != 0 {
		t.Errorf("%v lines refused", n)
	}
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
