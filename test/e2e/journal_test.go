package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// ship is an engine with a journald of its own, in the same mount namespace.
type ship struct {
	*engine.PrivateEngine
	journal *journald.Journald
}

func newShip(t *testing.T) ship {
	t.Helper()
	need.Dockerd(t)
	need.Program(t, "journalctl")
	d := journald.Start(t)
	enter := filepath.Join(t.TempDir(), "dockerd")
	script := fmt.Sprintf("#!/bin/sh\nexec nsenter --mount --target %d dockerd \"$@\"\n", d.Holder)
	if err := os.WriteFile(enter, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return ship{engine.Private(t, engine.PrivateOptions{Dockerd: enter}), d}
}

// args are the arguments of a lighterman that collects from the ship.
func (s ship) args(t testing.TB, loki string, more ...string) []string {
	args := ledger.Mine(t, loki, "--docker-host", s.Host)
	for _, dir := range s.journal.Dirs() {
		args = append(args, "--journal-dir", dir)
	}
	return append(args, more...)
}

// check wants in Loki what journald has of a container, once.
func (s ship) check(t *testing.T, loki *lokitest.Loki, c *engine.Container, least int) {
	t.Helper()
	want := ledger.Journal(t, c, least, s.journal.Dirs()...)
	ledger.Compare(t, c.Name, want, ledger.Delivered(loki.Await(t, ledger.Selector(c), len(want), 2*time.Minute)))
}

// noStreams wants that nothing goes through the API.
func noStreams(t *testing.T, l *carrier.Carrier) {
	t.Helper()
	m := l.Metrics(t)
	if n := m.Sum("lighterman_api_streams"); n != 0 {
		t.Errorf("%v streams of the API", n)
	}
	if n := m.Sum("lighterman_lines_total", `route="api"`); n != 0 {
		t.Errorf("%v lines came through the API", n)
	}
}

// plain are lines of which the engine's own answer is right, see ledger.Journal.
func plain(n int, more ...string) []string {
	return append([]string{"-n", fmt.Sprint(n), "-tag", "journal", "-streams", "alternate", "-pattern", "escapes",
		"-sizes", "1,16383,16385,40000,200000", "-say", seam, "-invalid", "40000", "-unterminated"}, more...)
}

// TestJournalLikeTheAPI: what goes by the journal is what `docker logs` says, and what
// that leaves out is there, too; no connection is made for it, and the journal's files
// are opened once for all. Going over from one route to the other in the middle
// neither loses nor repeats a line, also when killed.
func TestJournalLikeTheAPI(t *testing.T) {
	t.Parallel()
	s, loki := newShip(t), lokitest.Shared(t)
	var all, running []*engine.Container
	for i := range 3 {
		all = append(all, s.Start(t, engine.Spec{Name: fmt.Sprint("plain", i), Driver: "journald", Args: plain(500)}))
		running = append(running, s.Start(t, engine.Spec{Name: fmt.Sprint("running", i), Driver: "journald",
			Args: []string{"-n", "-1", "-rate", "300", "-tag", "switch", "-streams", "alternate"}}))
	}
	state := t.TempDir()
	for _, mode := range []string{"stream", "hybrid", "stream", "hybrid", "hybrid", "file"} {
		l := carrier.Start(t, s.args(t, loki.URL, "--state-dir", state, "--mode", mode)...)
		l.AwaitReady(t, 2*time.Minute)
		if mode != "stream" {
			onRoute(t, l, "journal", len(all)+len(running))
		}
		ledger.GrowthOf(t, loki, running, 200)
		switch mode {
		case "hybrid":
			noStreams(t, l)
			open := slices.DeleteFunc(l.FDs(t), func(target string) bool { return !strings.Contains(target, ".journal") })
			if len(open) > 2 {
				t.Errorf("%d journal files are open: %v", len(open), open)
			}
			l.Kill9(t)
		default:
			ledger.Clean(t, l)
		}
	}
	for _, c := range running {
		c.Stop(t)
	}
	last := carrier.Start(t, s.args(t, loki.URL, "--state-dir", state)...)
	for _, c := range append(all, running...) {
		ledger.Check(t, loki, c)
	}
	ledger.Clean(t, last)
	awkwardOnes := s.Start(t, engine.Spec{Name: "awkward", Driver: "journald", Args: awkward(500)})
	awkwardOnes.Wait(t)
	l := carrier.Start(t, s.args(t, loki.URL, "--external-label", "run=journal")...)
	for _, c := range all {
		want := ledger.Stored(t, c)
		by := strings.Replace(ledger.Selector(c), "{", `{run="journal", `, 1)
		ledger.Compare(t, c.Name+" by the journal", want, ledger.Delivered(loki.Await(t, by, len(want), 2*time.Minute)))
	}
	s.check(t, loki, awkwardOnes, 520)
	noStreams(t, l)
	ledger.Clean(t, l)
}

// TestJournalRotates: 20,000 lines while journald rotates, is killed and comes back,
// and goes over to /var, and lighterman is killed again and again.
func TestJournalRotates(t *testing.T) {
	t.Parallel()
	s, loki := newShip(t), lokitest.Shared(t)
	args := s.args(t, loki.URL, "--state-dir", t.TempDir())
	l := carrier.Start(t, args...)
	l.AwaitReady(t, 2*time.Minute)
	c := s.Start(t, engine.Spec{Name: "rotated", Driver: "journald", Args: awkward(-1, "-rate", "1000")})
	for i := range 6 {
		ledger.Growth(t, loki, c, 500)
		if i%2 == 0 {
			l.Kill9(t)
		}
		switch i {
		case 3:
			s.journal.Flush(t)
		default:
			s.journal.Rotate(t)
		}
		if i%2 == 0 {
			l = carrier.Start(t, args...)
		}
	}
	ledger.Journal(t, c, 20_000, s.journal.Dirs()...)
	c.Stop(t)
	var all []ledger.Line
	wait.For(t, 2*time.Minute, "journald to have the last line", func() bool {
		all = ledger.Journal(t, c, 20_050, s.journal.Dirs()...)
		return slices.ContainsFunc(all, func(l ledger.Line) bool { return l.Text == lines.Unterminated })
	})
	s.check(t, loki, c, len(all))
	noStreams(t, l)
	ledger.Clean(t, l)
}

// TestJournalOfRemoved: a burst while Loki is frozen and `docker rm -f`; one that is
// removed while lighterman is down; and many that live for a moment.
func TestJournalOfRemoved(t *testing.T) {
	t.Parallel()
	s, loki := newShip(t), lokitest.New(t, nil)
	args := s.args(t, loki.URL, "--state-dir", t.TempDir())
	l := carrier.Start(t, args...)
	l.AwaitReady(t, 2*time.Minute)
	burst := func(name string, n int) *engine.Container {
		return s.Create(t, engine.Spec{Name: name, Driver: "journald", Args: []string{"-n", fmt.Sprint(n), "-tag", "removed", "-streams", "alternate", "-on-usr1"}})
	}
	frozen := burst("frozen", 5000)
	frozen.Start(t)
	down := s.Start(t, engine.Spec{Name: "down", Driver: "journald", Args: []string{"-n", "-1", "-rate", "200", "-tag", "down", "-streams", "alternate"}})
	onRoute(t, l, "journal", 2)
	loki.Freeze(t)
	frozen.Kill(t, "USR1")
	frozen.Wait(t)
	frozen.Remove(t)
	loki.Thaw(t)
	s.check(t, loki, frozen, 5000)
	ledger.Growth(t, loki, down, 200)
	l.Kill9(t)
	had := len(ledger.Journal(t, down, 200, s.journal.Dirs()...))
	ledger.Journal(t, down, had+500, s.journal.Dirs()...)
	down.Remove(t)
	l = carrier.Start(t, args...)
	l.AwaitReady(t, 2*time.Minute)
	s.check(t, loki, down, had+500)
	var short []*engine.Container
	for i := range 30 {
		c := s.Create(t, engine.Spec{Name: fmt.Sprint("short", i), Driver: "journald", AutoRemove: true, Args: []string{"-n", "3", "-tag", "short"}})
		c.Start(t)
		short = append(short, c)
	}
	for _, c := range short {
		c.Gone(t)
	}
	for _, c := range short {
		s.check(t, loki, c, 3)
	}
	noStreams(t, l)
	ledger.Clean(t, l)
}

// TestJournalAppears: without a journal it is the API, with the reason; when there is
// one it is read, and nothing shows twice.
func TestJournalAppears(t *testing.T) {
	t.Parallel()
	s, loki := newShip(t), lokitest.Shared(t)
	c := s.Start(t, engine.Spec{Name: "appears", Driver: "journald", Args: []string{"-n", "-1", "-rate", "200", "-tag", "a", "-streams", "alternate"}})
	dir := filepath.Join(t.TempDir(), "journal")
	l := carrier.Start(t, ledger.Mine(t, loki.URL, "--docker-host", s.Host, "--journal-dir", dir)...)
	l.AwaitReady(t, 2*time.Minute)
	onRoute(t, l, "api", 1)
	if _, page, err := l.Get("/status.json"); err != nil || !strings.Contains(page, "there is no journal in "+dir) {
		t.Errorf("no reason in %s (%v)", page, err)
	}
	ledger.Growth(t, loki, c, 200)
	if err := os.Symlink(s.journal.Run(), dir); err != nil {
		t.Fatal(err)
	}
	onRoute(t, l, "journal", 1)
	wait.For(t, 2*time.Minute, "the stream to end", func() bool { return l.Metrics(t).Sum("lighterman_api_streams") == 0 })
	ledger.Growth(t, loki, c, 200)
	c.Stop(t)
	s.check(t, loki, c, 400)
	ledger.Clean(t, l)
}
