package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestVerifyMany: verify holds no more of many lines than of few, and says how fast it was. How
// many they are says VERIFY_LINES (make verify-large).
func TestVerifyMany(t *testing.T) {
	n := 100_000
	if os.Getenv("LIGHTERMAN_FULL") != "" {
		n = 1_000_000
	}
	if text := os.Getenv("VERIFY_LINES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			t.Fatalf("VERIFY_LINES must be a whole number above 0, not %q", text)
		}
	}
	began := time.Now()
	root, loki := dataroot.New(t), lokitest.New(t, nil)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	f, err := os.Create(web.Log)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(f)
	const span = 100 * time.Minute // each line a whole number of nanoseconds after the one before it
	begin := time.Now().Add(-span - time.Second)
	for i := range n {
		_, _ = fmt.Fprintf(out, `{"log":"line %09d, as long as those that a server writes for each request that it answers\n","stream":"stdout","time":%q}`+"\n",
			i, begin.Add(time.Duration(i)*(span/time.Duration(n))).UTC().Format(time.RFC3339Nano))
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "state")
	args := root.Args("--loki-url", loki.URL, "--state-dir", state)
	c := carrier.StartWith(t, carrier.Options{Args: args, Measured: true})
	c.AwaitReady(t, time.Minute)
	if !wait.Until(5*time.Minute+time.Duration(n)*time.Millisecond, func() bool {
		m := c.Metrics(t)
		return m.Sum("lighterman_lines_total") == float64(n) && m.Sum("lighterman_container_pending_lines") == 0
	}) {
		t.Fatal("they are not delivered")
	}
	c.Terminate(t)
	cmd := exec.Command(carrier.Released(t), append([]string{"verify", "--queries", "1000", "--listen", "off"}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIGHTERMAN_") })
	t.Logf("%d lines written and delivered in %v", n, time.Since(began).Round(time.Second))
	began = time.Now()
	text, peak, err := peakOf(t, cmd)
	took, used := time.Since(began), cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if err != nil || !strings.Contains(text, fmt.Sprintf("of %d lines 0 are missing and 0 not sent", n)) {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Logf("%d lines in %v, %.0f lines/s, %d MiB at most, %v of CPU", n, took.Round(time.Millisecond), float64(n)/took.Seconds(), peak>>20,
		time.Duration(used.Utime.Nano()+used.Stime.Nano()).Round(time.Millisecond))
	// The last part alone: it is not all read.
	since := begin.Add(70 * time.Minute).UTC().Format(time.RFC3339Nano)
	stdout, stderr, code := carrier.Run(t, append(append([]string{"verify", "--queries", "1000", "--listen", "off"}, args...), "--since", since)...)
	var lines, missing, waiting int
	_, summary, _ := strings.Cut(stdout, "differences; ")
	if _, err := fmt.Sscanf(summary, "of %d lines %d are missing and %d not sent", &lines, &missing, &waiting); err != nil || code != 0 || missing+waiting != 0 || lines != n*30/100 {
		t.Errorf("since %s: exit code %d, %v\n%s%s", since, code, err, stdout, stderr)
	}
	if most := 64 << 20; peak > most {
		t.Errorf("%d KiB of memory, more than %d", peak>>10, most>>10)
	}
}

// peakOf runs a command and returns what it has written and the most memory it has had, in
// bytes. Where Go has started a program, what wait4 says of its memory begins with what the
// test had itself (Linux hands that on when a vforked child executes), so that this looks
// while it runs.
func peakOf(t *testing.T, cmd *exec.Cmd) (out string, peak int, err error) {
	t.Helper()
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			if n, err := statusLine(cmd.Process.Pid, "VmHWM"); err == nil {
				peak = max(peak, n)
			}
			select {
			case <-ended:
				return
			case <-time.After(2 * time.Millisecond): // it only grows
			}
		}
	}()
	err = cmd.Wait()
	close(ended)
	<-looked
	if peak == 0 {
		t.Fatalf("its memory was not seen: %v\n%s", err, text.String())
	}
	return text.String(), peak, err
}

// TestVerifyMoved: stages that give lines another time, other labels and none of the
// container's make no difference, nor do equal lines of one time.
func TestVerifyMoved(t *testing.T) {
	root, loki := dataroot.New(t), lokitest.New(t, nil)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	var text strings.Builder
	const n = 3000
	begin := time.Now().Add(-20 * time.Minute).UTC()
	for i := range n {
		at := begin.Add(time.Duration(i/3) * time.Millisecond) // three of one time
		own := at.Add(time.Duration(i*7919%n) * 100 * time.Millisecond)
		_, _ = fmt.Fprintf(&text, `{"log":"%s kind%d line %d\n","stream":"stdout","time":%q}`+"\n", own.Format(time.RFC3339Nano), i%3, i, at.Format(time.RFC3339Nano))
		if i%10 == 0 { // equal ones
			for range 3 {
				_, _ = fmt.Fprintf(&text, `{"log":"- equal\n","stream":"stderr","time":%q}`+"\n", at.Format(time.RFC3339Nano))
			}
		}
	}
	if err := os.WriteFile(web.Log, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(`stages:
  - regex: {expression: '^(?P<at>\S+) (?P<kind>kind\d) '}
  - timestamp: {source: at, format: RFC3339Nano}
  - labels: {kind: }
  - labeldrop: [container]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	args := root.Args("--loki-url", loki.URL, "--state-dir", filepath.Join(t.TempDir(), "state"), "--config", file)
	c := carrier.Start(t, args...)
	const all = n + n/10*3
	loki.Await(t, `{host=~".+"}`, all, time.Minute)
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	v := verify(t, 0, append(args, "--listen", "off")...)["web"]
	if want := fmt.Sprintf("%d stored, %d in Loki, 0 missing, 0 twice, 0 changed, 0 not stored, 0 not sent", all, all); v.counts() != want {
		t.Errorf("%s, want %s: %+v", v.counts(), want, v.Examples)
	}
}
