package faults

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// TestD11FewDescriptors: with more logs than descriptors all are read, in turns, also what
// is written later and over rotation; that is said once, and shows everywhere.
func TestD11FewDescriptors(t *testing.T) {
	for _, size := range []struct{ files, containers int }{{100, 200}, {1024, 2000}} {
		t.Run(fmt.Sprint(size.containers), func(t *testing.T) {
			t.Parallel()
			root, loki := dataroot.New(t), fakeloki.Start(t, nil)
			var all []*dataroot.Container
			written := 0
			for i := range size.containers {
				c := root.Add(t, dataroot.Spec{Name: fmt.Sprintf("c-%04d", i)})
				c.Append(t, dataroot.JSON(time.Now(), fmt.Sprint(i, " one")), dataroot.JSON(time.Now(), fmt.Sprint(i, " two")))
				all, written = append(all, c), written+2
			}
			l := carrier.StartWith(t, carrier.Options{
				Args: root.Args("--loki-url", loki.URL), Measured: true,
				Wrap: []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && ulimit -Sn %d && exec "$@"`, size.files, size.files/2), "sh"},
			})
			await := func(what string) {
				t.Helper()
				began := time.Now()
				wait.For(t, 2*time.Minute, what, func() bool { return loki.Count() >= written })
				t.Logf("%s: %v", what, time.Since(began))
			}
			await("what was there")
			for n := range 2 {
				for i, c := range all {
					c.Append(t, dataroot.JSON(time.Now(), fmt.Sprint(i, " later ", n)))
					written++
				}
				await("what was written later")
			}
			busy := time.Now().Add(8 * time.Second)
			for n := 0; size.containers == 200 && time.Now().Before(busy); n++ {
				for i, c := range all { // none is ever silent
					c.Append(t, dataroot.JSON(time.Now(), fmt.Sprint(i, " busy ", n)))
					written++
				}
				time.Sleep(100 * time.Millisecond)
			}
			await("what all wrote without a pause")
			for i, c := range all {
				if err := os.Rename(c.Log, c.Log+".1"); err != nil {
					t.Fatal(err)
				}
				c.Append(t, dataroot.JSON(time.Now(), fmt.Sprint(i, " rotated")))
				written++
			}
			await("what was written after rotation")
			code, body, err := l.Get("/readyz")
			if err != nil || code != http.StatusServiceUnavailable || !strings.Contains(body, "logs cannot be opened: raise the limit of open files (LimitNOFILE=, ulimit -n)") {
				t.Errorf("%d %s %v", code, body, err)
			}
			// Logs take turns, so what is asked at two moments need not be the same.
			m := l.Metrics(t)
			wait.For(t, 2*time.Minute, "lighterman_open_fds to be what there are", func() bool {
				m = l.Metrics(t)
				got, fds := int(m.Sum("lighterman_open_fds")), len(l.FDs(t))
				return got >= fds-3 && got <= fds+3
			})
			open := m.Sum("lighterman_targets", `route="file"`)
			if waiting := m.Sum("lighterman_targets", `route="waiting"`); open+waiting != float64(size.containers) || int(open) > size.files || waiting == 0 {
				t.Errorf("%v open, %v waiting", open, waiting)
			}
			seen := make(map[string]int)
			for _, line := range loki.Lines() {
				seen[line]++
			}
			if len(seen) != written || loki.Count() != written {
				t.Errorf("%d lines, %d distinct, of %d", loki.Count(), len(seen), written)
			}
			if n := strings.Count(l.Stderr(), "level=WARN"); n != 1 {
				t.Errorf("%d warnings", n)
			}
			// When there are fewer, the condition is over.
			for _, c := range all[size.files/4:] {
				if err := os.RemoveAll(c.Dir); err != nil {
					t.Fatal(err)
				}
			}
			l.AwaitReady(t, 2*time.Minute)
		})
	}
}
