package faults

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/memgroup"
	"github.com/lighterman/lighterman/test/wait"
)

// TestS1JournalFlood: any local user may send journald entries of a megabyte in a
// container's name. They cost neither the memory of the process nor the lines of others,
// which arrive beside them as if nothing was.
func TestS1JournalFlood(t *testing.T) {
	group := memgroup.New(t, 200<<20)
	d := journald.Start(t)
	root := dataroot.New(t)
	target := root.Add(t, dataroot.Spec{Name: "target", Driver: "journald"})
	victim := root.Add(t, dataroot.Spec{Name: "victim"})
	own, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	loki := fakeloki.Start(t, nil)
	engine := d.Container(t, target.ID)
	engine.Line("stdout", "before")
	const forged = 300
	big := strings.Repeat("0123456789abcdef", 62<<10)
	text := []journald.Field{{Name: "CONTAINER_ID_FULL", Value: target.ID}, {Name: "MESSAGE", Value: big}}
	d.Forge(t, 65534, forged-10, text...)
	args := []string{"--docker-host", "none", "--docker-root", root.Dir, "--since", "beginning", "--loki-url", loki.URL,
		"--journal-sender", "0/" + strings.TrimSpace(string(own))}
	for _, dir := range d.Dirs() {
		args = append(args, "--journal-dir", dir)
	}
	l := carrier.StartWith(t, carrier.Options{Args: args, Wrap: group.Wrap(), Measured: true})
	l.AwaitReady(t, 2*time.Minute)
	var worst time.Duration
	lag := func(i int) {
		line := fmt.Sprint("victim ", i)
		at := time.Now()
		victim.Append(t, dataroot.JSON(at, line))
		wait.For(t, 20*time.Second, "the victim's line", func() bool { return slices.Contains(loki.Lines(), line) })
		worst = max(worst, time.Since(at))
	}
	for i := range 10 {
		d.Forge(t, 65534, 1, append(text, journald.Field{Name: "PRIORITY", Value: "6"})...)
		lag(i)
	}
	engine.Line("stdout", "after")
	wait.For(t, 2*time.Minute, "the target's own lines", func() bool { return slices.Contains(loki.Lines(), "after") })
	if slices.ContainsFunc(loki.Lines(), func(line string) bool { return len(line) > 100 }) || !slices.Contains(loki.Lines(), "before") {
		t.Error("a forged line was delivered, or one of the container's own was not")
	}
	if n := l.Metrics(t).Sum("lighterman_journal_forged_entries_total"); n != forged {
		t.Errorf("%v forged entries were counted, want %d", n, forged)
	}
	if group.Killed(t) != 0 || !l.Running() || !strings.Contains(l.Stderr(), "user=65534") {
		t.Error("it was killed, or has not named who forges")
	}
	t.Logf("the victim's lines took at most %v", worst)
	if worst > 5*time.Second {
		t.Errorf("the victim's lines took up to %v", worst)
	}
}
