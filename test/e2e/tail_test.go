package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/terminal"
	"github.com/lighterman/lighterman/test/wait"
)

// shown is a line of tail, as a terminal shows it with the time of day: name, stream, text.
var shown = regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} (\S+) +(!?)\| (t\d{3} \d{7} .*)$`)

// onScreen are the lines of tail among those of a terminal.
func onScreen(t testing.TB, lines []string) (out []ledger.Line) {
	t.Helper()
	for _, line := range lines {
		if m := shown.FindStringSubmatch(line); m != nil {
			out = append(out, ledger.Line{Stream: map[string]string{"": "stdout", "!": "stderr"}[m[2]], Text: m[3]})
		} else if strings.Contains(line, "| t") {
			t.Errorf("what is this? %q", line)
		}
	}
	return out
}

// crowd is how many containers write how much in the test of terminals.
type crowd struct{ containers, rate, lines int }

// crowded is a small one, or as many as LIGHTERMAN_TEST_CROWD says, with 25 lines a second each:
// 200 for 5,000 lines a second.
func crowded(t testing.TB) crowd {
	text := os.Getenv("LIGHTERMAN_TEST_CROWD")
	if text == "" {
		return crowd{8, 50, 100}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 999 {
		t.Fatalf("LIGHTERMAN_TEST_CROWD=%s is no number of containers", text)
	}
	return crowd{n, 25, 500}
}

// mostLate is how late a line may be shown in the middle, and with it the first of each
// container.
const mostLate = 100 * time.Millisecond

// TestTailTerminals: in real terminals of three widths every line is shown once, whole and of
// the right stream, soon after it was written; a terminal that gets narrower gets shorter
// names from then on; and Ctrl-C is a good end.
func TestTailTerminals(t *testing.T) {
	t.Parallel()
	docker, of := engine.Default(t), crowded(t)
	all := make([]*engine.Container, of.containers)
	var starting sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range all {
		starting.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			all[i] = docker.Start(t, engine.Spec{Name: fmt.Sprintf("a-service-with-a-long-name-%d", i), Args: []string{
				"-on-usr1", "-n", fmt.Sprint(of.lines), "-rate", fmt.Sprint(of.rate), "-tag", fmt.Sprintf("t%03d", i), "-streams", "alternate", "-linger",
			}})
		})
	}
	starting.Wait()
	binary := carrier.Binary(t)
	args := []string{"tail", "-t", "--docker-host", docker.Host, engine.Prefix(t)}
	screens := make(map[int]*terminal.Tmux)
	for _, columns := range []int{60, 80, 160} {
		screens[columns] = terminal.StartTmux(t, columns, 40, binary, args...)
	}
	behind := terminal.Start(t, 200, 50, []string{"TERM=xterm", "NO_COLOR="}, binary, args...)
	for columns, s := range screens {
		if !wait.Until(2*time.Minute, func() bool { return strings.Contains(s.Screen(t), "+ ") }) {
			t.Fatalf("a terminal of %d columns does not show what is followed:\n%s", columns, s.Screen(t))
		}
	}
	wait.For(t, 2*time.Minute, "a terminal to show what is followed", func() bool { return len(behind.Lines()) > 0 })
	for _, c := range all {
		c.Kill(t, "USR1")
	}
	var want []ledger.Line
	times := make(map[string]int64)
	for _, c := range all {
		wait.For(t, 2*time.Minute, "the lines of "+c.Name, func() bool { return len(c.Logs(t)) == of.lines })
		for _, l := range ledger.Stored(t, c) {
			times[l.Text] = l.Time
			want = append(want, ledger.Line{Stream: l.Stream, Text: l.Text})
		}
	}
	for columns, s := range screens {
		s.Settle(t)
		ledger.Compare(t, fmt.Sprintf("terminal of %d columns", columns), want, onScreen(t, s.Lines(t)))
	}
	lines := checkLate(t, behind, times, len(want))
	ledger.Compare(t, "terminal", want, onScreen(t, lines))
	checkNames(t, screens)

	behind.Type(t, "\x03")
	if code := behind.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// checkLate looks at when lines have arrived that Docker has stamped, once there are so many,
// and returns them without colours.
func checkLate(t testing.TB, p *terminal.PTY, times map[string]int64, lines int) (plain []string) {
	t.Helper()
	wait.For(t, time.Minute, "all lines", func() bool { return len(p.Lines()) >= lines })
	var late, first []time.Duration
	coloured := false
	for _, l := range p.Lines() {
		text := colours.ReplaceAllString(l.Text, "")
		coloured = coloured || text != l.Text
		plain = append(plain, text)
		m := shown.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		age := l.At.Sub(time.Unix(0, times[m[3]]))
		late = append(late, age)
		if strings.Contains(m[3], " 0000000 ") {
			first = append(first, age)
		}
	}
	if len(late) == 0 || len(first) == 0 || !coloured {
		t.Fatalf("%d lines, %d first ones, colours: %v", len(late), len(first), coloured)
	}
	for name, ages := range map[string][]time.Duration{"all lines": late, "the first line of each container": first} {
		slices.Sort(ages)
		middle, most := ages[len(ages)/2], ages[len(ages)-1]
		t.Logf("%s, %d: shown after %v, 99 of 100 after %v, all after %v", name, len(ages), middle, ages[len(ages)*99/100], most)
		if middle > mostLate {
			t.Errorf("%s: shown %v after they were written", name, middle)
		}
	}
	return plain
}

// checkNames looks at names on terminals, and at what becomes of them when one changes.
func checkNames(t testing.TB, screens map[int]*terminal.Tmux) {
	t.Helper()
	for columns, most := range map[int]int{60: 12, 80: 20, 160: 40} {
		for _, line := range screens[columns].Lines(t) {
			if m := shown.FindStringSubmatch(line); m != nil && len([]rune(m[1])) != most {
				t.Fatalf("a name of %d letters on %d columns: %q", len([]rune(m[1])), columns, line)
			}
		}
	}
}

// TestTailFollows: containers come and go, are chosen in all ways, and only their lines are
// shown; a width that changes shows at once. Nothing is in the way of a service.
func TestTailFollows(t *testing.T) {
	t.Parallel()
	docker := engine.Default(t)
	prefix := engine.Prefix(t)
	web := docker.Start(t, engine.Spec{Name: "web-with-a-name-that-goes-on", Args: []string{"-on-usr1", "-n", "3", "-tag", "web", "-linger"},
		Labels: map[string]string{"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "team": "a"}})
	docker.Start(t, engine.Spec{Name: "other", Args: []string{"-n", "3", "-tag", "other", "-linger"}})
	p := terminal.Start(t, 100, 20, []string{"TERM=xterm"}, carrier.Binary(t), "tail", "--docker-host", docker.Host, "--project", "shop", "--service", "web",
		"--label", "team=a", "--image", ".", prefix)
	has := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(p.Lines(), func(l terminal.Line) bool { return strings.Contains(colours.ReplaceAllString(l.Text, ""), text) })
		}
	}
	wait.For(t, time.Minute, "it to follow", has("+ "+web.Name))
	p.Resize(t, 50, 20)
	web.Kill(t, "USR1")
	wait.For(t, time.Minute, "its lines on a narrow terminal", has("…goes-on  | web 0000002"[len("…goes-"):]))
	late := docker.Start(t, engine.Spec{Name: "late", Args: []string{"-n", "200", "-tag", "late", "-streams", "stderr"},
		Labels: map[string]string{"com.docker.swarm.service.name": "shop_web", "com.docker.stack.namespace": "shop", "team": "a"}})
	wait.For(t, time.Minute, "what a container has written before anybody could know of it", func() bool {
		n := 0
		for _, l := range p.Lines() {
			if strings.Contains(l.Text, "late 0000") {
				n++
			}
		}
		return n == 200
	})
	wait.For(t, time.Minute, "its end", has("- "+late.Name+" has stopped"))
	late.Remove(t)
	wait.For(t, time.Minute, "it to be gone", has("- "+late.Name+" is gone"))
	if has("other 0000")() {
		t.Error("a container is shown that nobody has asked for")
	}
}

// TestTailPast: without following, what was written before is shown, and no more, by file and
// by API alike; what matches nothing is an exit code.
func TestTailPast(t *testing.T) {
	t.Parallel()
	docker := engine.Default(t)
	busy := docker.Start(t, engine.Spec{Name: "busy", Args: []string{"-n", "-1", "-rate", "500", "-tag", "busy", "-streams", "alternate"}})
	done := docker.Start(t, engine.Spec{Name: "done", Driver: "local", Args: []string{"-n", "300", "-tag", "done"}}) // of two streams Docker stores no order
	docker.Start(t, engine.Spec{Name: "silent", Args: []string{"-linger"}})
	done.Wait(t)
	wait.For(t, time.Minute, "lines", func() bool { return len(busy.Logs(t)) > 100 })
	for _, mode := range []string{"hybrid", "stream"} {
		tail := func(args ...string) []string {
			stdout, stderr, code := carrier.Run(t, append([]string{"tail", "--no-follow", "-q", "--mode", mode, "--docker-host", docker.Host, "-o", "raw"}, args...)...)
			if code != 0 || stderr != "" {
				t.Errorf("%v: exit code %d: %s", args, code, stderr)
			}
			return strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		}
		stored := done.Logs(t)
		for n, args := range map[int][]string{300: {"--since", "beginning"}, 3: {"-n", "3"}, 299: {"--tail=299"}} {
			got := tail(append(args, "^"+done.Name+"$")...)
			var want []string
			for _, r := range stored[len(stored)-n:] {
				want = append(want, r.Line)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %v: %d lines, %.80q to %.80q", mode, args, len(got), got[0], got[len(got)-1])
			}
		}
		if got := tail("-n", "2", "--exclude", "x", engine.Prefix(t)); len(got) != 4 {
			t.Errorf("%s: %q", mode, got)
		}
	}
	stdout, stderr, code := carrier.Run(t, "tail", "--no-follow", "--docker-host", docker.Host, engine.Prefix(t)+"nobody")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "no container matches") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

// TestTailStandsStill: a terminal whose reader stands still does not keep it from ending.
func TestTailStandsStill(t *testing.T) {
	t.Parallel()
	docker := engine.Default(t)
	c := docker.Start(t, engine.Spec{Name: "loud", Args: []string{"-n", "-1", "-rate", "5000"}})
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = read.Close() }()
	cmd := exec.Command(carrier.Binary(t), "tail", "-n", "50", "--docker-host", docker.Host, c.Name)
	cmd.Stdout, cmd.Stderr = write, write
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIGHTERMAN_") })
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	full := func() bool {
		waiting, err := unix.IoctlGetInt(int(read.Fd()), unix.TIOCINQ)
		return err == nil && waiting > 60<<10
	}
	wait.For(t, time.Minute, "a full pipe", full)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
}
