package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// TestD16NoInotify: without an inotify instance, or without watches, everything is looked
// at: new lines, new containers, rotation, removal; the cause is named once.
func TestD16NoInotify(t *testing.T) {
	t.Parallel()
	for _, limit := range []string{"instances", "watches"} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			root, loki := dataroot.New(t), fakeloki.Start(t, nil)
			var all []*dataroot.Container
			written := 0
			write := func(c *dataroot.Container, text string) {
				c.Append(t, dataroot.JSON(time.Now(), text))
				written++
			}
			await := func(what string) {
				t.Helper()
				wait.For(t, 2*time.Minute, what, func() bool { return len(loki.Lines()) >= written })
			}
			for i := range 5 {
				all = append(all, root.Add(t, dataroot.Spec{Name: fmt.Sprint("old-", i)}))
				write(all[i], "first")
			}
			l := carrier.StartWith(t, carrier.Options{
				Args: root.Args("--loki-url", loki.URL),
				Wrap: []string{"unshare", "-U", "-r", "sh", "-c", "echo 0 >/proc/sys/user/max_inotify_" + limit + ` && exec "$@"`, "sh"},
			})
			l.AwaitReady(t, 2*time.Minute)
			await("what was there")
			for _, c := range all {
				write(c, "later")
			}
			await("what was written later")
			all = append(all, root.Add(t, dataroot.Spec{Name: "new"}))
			write(all[5], "new")
			await("a new container")
			for n := range 3 {
				for _, c := range all {
					write(c, fmt.Sprint("before rotation ", n))
					if err := os.Rename(c.Log, c.Log+".1"); err != nil {
						t.Fatal(err)
					}
					write(c, fmt.Sprint("after rotation ", n))
				}
				await("what was rotated")
			}
			write(all[0], "last")
			if err := os.Rename(all[0].Log, filepath.Join(t.TempDir(), "x")); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(all[0].Dir); err != nil {
				t.Fatal(err)
			}
			await("the last line of one that was removed")
			wait.For(t, 2*time.Minute, "the removal", func() bool {
				_, body, err := l.Get("/status.json")
				return err == nil && !strings.Contains(body, all[0].ID)
			})
			if n := len(loki.Lines()); n != written {
				t.Errorf("%d lines of %d", n, written)
			}
			if n := strings.Count(l.Stderr(), "fs.inotify.max_user_"+limit); n == 0 || n > 2 {
				t.Errorf("the sysctl is named %d times", n)
			}
			if code := l.Terminate(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
