package faults

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/wait"
)

// An operator's commands on a live log, X. elsewhere is a
// directory of the same file system.
var operators = []struct{ name, script string }{
	{"mv", `mv $X $X.1`},
	{"logrotate", `mv $X $X.1; install -m 640 /dev/null $X`},
	// Docker may just have rotated the first one itself.
	{"logrotate-twice", `mv $X $X.1; install -m 640 /dev/null $X; mv $X.1 $X.2 || :; mv $X $X.1; install -m 640 /dev/null $X`},
	{"dateext", `mv $X $X-20261128; install -m 640 /dev/null $X`},
	{"olddir", `mv $X $elsewhere/$name; install -m 640 /dev/null $X`},
	{"rm", `rm $X`},
	{"sed", `sed -i 's/0000003/hidden/' $X`},
	{"cp-back", `cp -p $X $X.bak; mv $X $X.orig; cp -p $X.bak $X`},
}

// kindsOfLogs are logs that have rotated, and such that never do.
var kindsOfLogs = []struct {
	name, driver string
	opts         map[string]string
}{
	{"plain", "json-file", nil},
	{"rotated", "json-file", map[string]string{"max-size": "40k", "max-file": "3"}},
	{"local", "local", map[string]string{"max-size": "40k", "max-file": "3"}},
}

// TestD5RenamedLog: what an operator does to live logs costs no line and repeats none, and
// is said once. TestV2HeldWhileAway does it while lighterman is killed, and has hold-dir.
func TestD5RenamedLog(t *testing.T) { operate(t, false) }

func TestV2HeldWhileAway(t *testing.T) { operate(t, true) }

func operate(t *testing.T, away bool) {
	const count, rate = 1600, 150
	docker, loki := engine.Private(t, engine.PrivateOptions{}), fakeloki.Start(t, nil)
	args := ledger.Mine(t, loki.URL, "--docker-host", docker.Host, "--state-dir", t.TempDir())
	if away {
		args = append(args, "--hold-dir", filepath.Join(docker.DataRoot(), "hold"))
	}
	l := carrier.Start(t, args...)
	l.AwaitReady(t, 2*time.Minute)
	elsewhere := filepath.Join(docker.DataRoot(), "elsewhere")
	lives := make(map[*engine.Container]string)
	var names []*engine.Container
	scripts := make(map[*engine.Container]string)
	for _, o := range operators {
		for _, k := range kindsOfLogs {
			c := docker.Create(t, engine.Spec{Name: o.name + "-" + k.name, Driver: k.driver, Opts: k.opts,
				Args: []string{"-n", fmt.Sprint(count), "-rate", fmt.Sprint(rate), "-tag", "x", "-on-usr1", "-linger"}})
			names = append(names, c)
			live := c.LogPath(t)
			if k.driver == "local" {
				live = filepath.Join(c.Dir(t), "local-logs", "container.log")
			}
			scripts[c] = fmt.Sprintf("set -e; X=%s; name=%s; elsewhere=%s; mkdir -p $elsewhere; %s", live, c.Name, elsewhere, o.script)
			lives[c] = live
		}
	}
	var starting sync.WaitGroup
	for _, c := range names {
		starting.Go(func() { c.Start(t) })
	}
	starting.Wait()
	// They begin together, when all have been started: to start them may take longer than one
	// writes, and one that has nothing to write is not looked at.
	for _, c := range names {
		starting.Go(func() {
			for { // the signal is lost while the program has not asked for it yet
				c.Kill(t, "USR1")
				if wait.Until(10*time.Second, func() bool { return len(numbersOf(loki)[c.Name]) > 0 }) || t.Failed() {
					return
				}
			}
		})
	}
	starting.Wait()
	wait.For(t, 2*time.Minute, "lines of all", func() bool {
		got := numbersOf(loki)
		for _, c := range names {
			if len(got[c.Name]) < 400 {
				return false
			}
		}
		return true
	})
	inFlight := func(string, int) bool { return false }
	if away {
		// A position is kept as soon as Loki has accepted the lines before it, so only what
		// came about when it was killed may come again. Loki shows that once.
		came := numbersOf(loki)
		time.Sleep(time.Second)
		// What Docker makes and deletes while nobody looks is lost: so nothing rotates then.
		for _, c := range names {
			c.Pause(t)
		}
		wait.For(t, 2*time.Minute, "all live logs to be linked", func() bool {
			return !slices.ContainsFunc(names, func(c *engine.Container) bool { return links(lives[c]) != 2 })
		})
		l.Kill9(t)
		then := numbersOf(loki)
		inFlight = func(name string, number int) bool { return came[name][number] == 0 && then[name][number] > 0 }
	}
	for _, c := range names {
		if out, err := exec.Command("sh", "-c", scripts[c]).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", scripts[c], err, out)
		}
	}
	if away {
		l = carrier.Start(t, args...)
		l.AwaitReady(t, 2*time.Minute)
		for _, c := range names {
			c.Unpause(t)
		}
	}
	wait.For(t, 2*time.Minute, "what was done to be said on the page", func() bool {
		_, body, err := l.Get("/status.json")
		return err == nil && strings.Contains(body, "by someone other than Docker")
	})
	total := func() (n int) {
		for _, all := range numbersOf(loki) {
			n += len(all)
		}
		return n
	}
	if !wait.Until(2*time.Minute, func() bool { return total() >= count*len(names) }) {
		t.Error("not all lines came")
	}
	// Rotation mends logs before they are told of, or after; the others stay as they are.
	told := func(c *engine.Container) int {
		return strings.Count(l.Stderr(), `msg="the log file is not where Docker expects it" container=`+c.Name+" ")
	}
	if !wait.Until(time.Minute, func() bool {
		return !slices.ContainsFunc(names, func(c *engine.Container) bool { return strings.HasSuffix(c.Name, "-plain") && told(c) == 0 })
	}) {
		t.Error("not all that was done has been said")
	}
	// None may come twice: at its stop it delivers all that it has read.
	if code := l.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	came := linesOf(loki)
	for _, c := range names {
		lost := 0
		var same, apart []int
		for n := range count {
			switch all := came[c.Name][n]; {
			case len(all) == 0:
				lost++
			case len(all) == 1:
			case slices.ContainsFunc(all, func(e fakeloki.Entry) bool { return e != all[0] }):
				apart = append(apart, n)
			case !inFlight(c.Name, n):
				same = append(same, n)
			}
		}
		others := len(came[c.Name][-1])
		if lost+len(same)+len(apart)+others > 0 || len(came[c.Name]) != count {
			t.Errorf("%s: %d of %d lines are lost, %d came again that Loki shows once (%s), %d with another time or other labels (%s, the first as %+v), %d are others",
				c.Name, lost, count, len(same), ranges(same), len(apart), ranges(apart), came[c.Name][slices.Min(append(apart, count))], others)
		}
		said := told(c)
		if said > 1 || said == 0 && strings.HasSuffix(c.Name, "-plain") {
			t.Errorf("%s: said %d times", c.Name, said)
		}
	}
}

// links is the number of names of a file.
func links(path string) uint64 {
	var st syscall.Stat_t
	if syscall.Stat(path, &st) != nil {
		return 0
	}
	return uint64(st.Nlink) //nolint:unconvert // it is narrower on some architectures
}

var numberOfLine = regexp.MustCompile(`^\S+ (\d{7}) `)

// ranges writes numbers as runs of successive ones.
func ranges(numbers []int) string {
	var out []string
	for i := 0; i < len(numbers); {
		k := i + 1
		for k < len(numbers) && numbers[k] == numbers[k-1]+1 {
			k++
		}
		out = append(out, fmt.Sprintf("%d-%d", numbers[i], numbers[k-1]))
		i = k
	}
	return fmt.Sprint(out)
}

// linesOf has the entries of each container by the numbers of their lines, -1 where there is
// none.
func linesOf(loki *fakeloki.Loki) map[string]map[int][]fakeloki.Entry {
	out := make(map[string]map[int][]fakeloki.Entry)
	for _, e := range loki.Entries() {
		_, rest, _ := strings.Cut(e.Labels, `container="`)
		name, _, _ := strings.Cut(rest, `"`)
		if out[name] == nil {
			out[name] = make(map[int][]fakeloki.Entry)
		}
		n := -1
		if m := numberOfLine.FindStringSubmatch(e.Line + " "); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		out[name][n] = append(out[name][n], e)
	}
	return out
}

// numbersOf counts the numberOfLine lines of each container that a Loki has.
func numbersOf(loki *fakeloki.Loki) map[string]map[int]int {
	out := make(map[string]map[int]int)
	for name, lines := range linesOf(loki) {
		out[name] = make(map[int]int)
		for n, all := range lines {
			out[name][n] = len(all)
		}
	}
	return out
}
