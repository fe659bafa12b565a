package faults

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// crowd is containers whose lines are accounted for.
type crowd struct {
	t       testing.TB
	all     []*dataroot.Container
	loki    *fakeloki.Loki
	written map[string]int
}

func newCrowd(t testing.TB, root *dataroot.Root, containers int) *crowd {
	t.Helper()
	c := &crowd{t: t, loki: fakeloki.Start(t, nil), written: make(map[string]int)}
	for i := range containers {
		c.all = append(c.all, root.Add(t, dataroot.Spec{Name: fmt.Sprintf("one-of-many-%04d", i)}))
	}
	return c
}

// write writes a line to each of some containers.
func (c *crowd) write(what string, some ...*dataroot.Container) {
	for _, one := range some {
		text := one.Name + " " + what
		one.Append(c.t, dataroot.JSON(time.Now(), text))
		c.written[text]++
	}
}

// await waits until all that was written has arrived, once.
func (c *crowd) await(what string, timeout time.Duration) {
	c.t.Helper()
	began := time.Now()
	wait.For(c.t, timeout, what, func() bool { return len(c.loki.Lines()) >= len(c.written) })
	c.t.Logf("%s: %d lines after %v", what, len(c.loki.Lines()), time.Since(began).Round(time.Millisecond))
	got := make(map[string]int)
	for _, line := range c.loki.Lines() {
		got[line]++
	}
	if !maps.Equal(got, c.written) {
		c.t.Errorf("%s: other lines than were written", what)
	}
}

// TestD11FewDescriptors: with fewer descriptors than logs all of them are read in turns:
// what was there, what is written later, and what rotation makes of it; and one condition
// says which limit to raise.

// TestD11SoftLimit: a soft limit that is too low is raised to the hard one.
func TestD11SoftLimit(t *testing.T) {
	t.Parallel()
	root := dataroot.New(t)
	c := newCrowd(t, root, 150)
	c.write("first", c.all...)
	l := carrier.StartWith(t, carrier.Options{
		Args: root.Args("--loki-url", c.loki.URL),
		Wrap: []string{"bash", "-c", `ulimit -Sn 50 && ulimit -Hn 1000 && exec "$@"`, "bash"},
	})
	c.await("all lines", time.Minute)
	l.AwaitReady(t, 10*time.Second)
	if m := l.Metrics(t); m.Sum("lighterman_closed_logs") != 0 {
		t.Errorf("%v logs are closed", m.Sum("lighterman_closed_logs"))
	}
}

// TestD11BusyLogs: logs that are written all the time do not keep the others waiting.
func TestD11BusyLogs(t *testing.T) {
	t.Parallel()
	root := dataroot.New(t)
	c := newCrowd(t, root, 90)
	l := carrier.StartWith(t, carrier.Options{
		Args: root.Args("--loki-url", c.loki.URL),
		Wrap: []string{"bash", "-c", `ulimit -n 64 && exec "$@"`, "bash"},
	})
	began := time.Now()
	for n := 0; time.Since(began) < 8*time.Second; n++ {
		c.write(fmt.Sprint("line ", n), c.all...)
		time.Sleep(20 * time.Millisecond) // they are written all the time
	}
	c.await("all lines", time.Minute)
	if !l.Running() {
		t.Error("it ended")
	}
	names := slices.Compact(slices.Sorted(slices.Values(c.loki.Lines())))
	if len(names) != len(c.written) {
		t.Errorf("%d different lines of %d", len(names), len(c.written))
	}
}

// TestD11ManyFiles: logs with many rotated files, few descriptors.
func TestD11ManyFiles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ files, containers, rotated int }{{40, 60, 0}, {100, 100, 9}, {100, 20, 30}} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			t.Parallel()
			root := dataroot.New(t)
			c := newCrowd(t, root, test.containers)
			for n := range test.rotated {
				for _, one := range c.all {
					for k := n; k > 0; k-- {
						_ = os.Rename(fmt.Sprint(one.Log, ".", k), fmt.Sprint(one.Log, ".", k+1))
					}
				}
				c.write(fmt.Sprint("old ", n), c.all...)
				for _, one := range c.all {
					if err := os.Rename(one.Log, one.Log+".1"); err != nil {
						t.Fatal(err)
					}
				}
			}
			c.write("first", c.all...)
			l := carrier.StartWith(t, carrier.Options{
				Args: root.Args("--loki-url", c.loki.URL), Measured: true,
				Wrap: []string{"bash", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, test.files), "bash"},
			})
			c.await("what was there", time.Minute)
			c.write("later", c.all...)
			c.await("what was written later", time.Minute)
			if !l.Running() {
				t.Error("ended")
			}
		})
	}
}
