package ledger

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
)

// Line is what must be equal on both sides.
type Line struct {
	Time   int64
	Stream string
	Text   string
}

// String shows a line, without most of a long one.
func (l Line) String() string { return fmt.Sprintf("%d %s %.60q", l.Time, l.Stream, l.Text) }

// Stored is what Docker has of a container, as Loki must have it.
func Stored(t testing.TB, c *engine.Container) []Line {
	t.Helper()
	return Expected(c.Logs(t))
}

// Expected is how Loki must have records: in UTF-8, and with the n-th of several
// equal lines n-1 ns later.
func Expected(records []engine.Record) []Line {
	seen := make(map[Line]int64)
	out := make([]Line, 0, len(records))
	for _, r := range records {
		l := Line{r.Time, r.Stream, valid(r.Line)}
		seen[l]++
		l.Time += seen[Line{r.Time, l.Stream, l.Text}] - 1
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

// Delivered is what Loki has of a container.
func Delivered(entries []lokitest.Entry) []Line {
	out := make([]Line, 0, len(entries))
	for _, e := range entries {
		out = append(out, Line{e.Time, e.Labels["stream"], e.Line})
	}
	return out
}

// Compare wants the same lines on both sides, each once, in whatever order.
func Compare(t testing.TB, name string, want, got []Line) {
	t.Helper()
	want, got = slices.Clone(want), slices.Clone(got)
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if slices.Equal(want, got) {
		return
	}
	lost, extra := difference(want, got), difference(got, want)
	t.Errorf("%s: %d lines stored, %d in Loki; %d lost, %d repeated or changed", name, len(want), len(got), len(lost), len(extra))
	for _, l := range lost[:min(3, len(lost))] {
		t.Logf("%s: lost %v (%d bytes)", name, l, len(l.Text))
	}
	for _, l := range extra[:min(3, len(extra))] {
		t.Logf("%s: too much %v (%d bytes)", name, l, len(l.Text))
	}
}

func order(a, b Line) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Text, b.Text))
}

// difference returns what is in a and not in b, both sorted.
func difference(a, b []Line) (out []Line) {
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

// Selector selects a container's lines, under all names that it has had: Loki looks at
// no other streams for them.
func Selector(c *engine.Container) string {
	names := make([]string, 0, len(c.Names()))
	for _, name := range c.Names() {
		names = append(names, regexp.QuoteMeta(name))
	}
	return fmt.Sprintf(`{container=~%q} | container_id=%q`, strings.Join(names, "|"), c.ID)
}

// Check waits until Loki has as many lines of a container as Docker has stored,
// and compares them. The container must not write any more.
func Check(t testing.TB, loki *lokitest.Loki, c *engine.Container) {
	t.Helper()
	want := Stored(t, c)
	if c.Cached() {
		want = Journal(t, c, len(want))
	}
	Compare(t, c.Name+" ("+c.Spec.Driver+")", want, Delivered(loki.AwaitMost(t, Selector(c), len(want), 2*time.Minute)))
}

// NumberedSoFar is Numbered for a container that still writes to both streams in turn: the
// engine copies each for itself, so that the newest lines of one may be stored before older ones
// of the other. In neither is any left out.
func NumberedSoFar(t testing.TB, name, tag string, entries []lokitest.Entry) int {
	t.Helper()
	seen := numbers(t, name, tag, entries)
	for first := range 2 {
		of := 0
		for n := range seen {
			if n%2 == first {
				of++
			}
		}
		for n := first; n < 2*of; n += 2 {
			if !seen[n] {
				t.Errorf("%s: line %d is lost, of %d of its stream", name, n, of)
				break
			}
		}
	}
	return len(entries)
}

// Numbered wants the lines that test/logwriter has numbered from 0 on, each
// once and none left out, and returns how many there are. It needs nothing of
// Docker's, which may have deleted the log.
func Numbered(t testing.TB, name, tag string, entries []lokitest.Entry) int {
	t.Helper()
	seen := numbers(t, name, tag, entries)
	for i := range entries {
		if !seen[i] {
			t.Errorf("%s: line %d of %d is lost", name, i, len(entries))
			break
		}
	}
	return len(entries)
}

// numbers are those of lines, each of which must be there once.
func numbers(t testing.TB, name, tag string, entries []lokitest.Entry) map[int]bool {
	t.Helper()
	seen := make(map[int]bool, len(entries))
	for _, e := range entries {
		text, _, _ := strings.Cut(strings.TrimPrefix(e.Line, tag+" "), " ")
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			t.Errorf("%s: a line has no number: %q", name, e.Line)
		case seen[n]:
			t.Errorf("%s: line %d is there twice", name, n)
		}
		seen[n] = true
	}
	return seen
}
