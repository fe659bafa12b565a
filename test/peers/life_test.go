package peers

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestPeer04ShortLivedMissed: elsewhere a container that lives shorter than the
// interval between two looks is never seen (grafana/alloy#3408,
// grafana/loki#7949).
//
// 500 times `docker run --rm` of a program that writes at once and ends: Docker
// deletes the log 50 ms after the last line. Every line is in Loki.
func TestPeer04ShortLivedMissed(t *testing.T) {
	const lines = 5
	runs := amount(500, 60)
	docker, loki := engine.Default(t), lokitest.Shared(t)
	start(t, ledger.Only(t, "p04", loki.URL)...)
	docker.Image(t)
	var group sync.WaitGroup
	const workers = 4
	for w := range workers {
		group.Go(func() {
			for i := w; i < runs; i += workers {
				name := fmt.Sprintf("p04-%04d", i)
				c := docker.Start(t, engine.Spec{Name: name, AutoRemove: true, Args: []string{"-n", fmt.Sprint(lines), "-tag", name, "-buffer", "4096"}})
				c.Gone(t)
			}
		})
	}
	group.Wait()
	selector := fmt.Sprintf(`{container=~%q}`, engine.Prefix(t)+"p04-.*")
	wait.Until(2*time.Minute, func() bool { return loki.Count(t, selector) >= runs*lines })
	got := make(map[string]int)
	for _, e := range loki.All(t, selector) {
		got[strings.TrimPrefix(e.Labels["container"], engine.Prefix(t))]++
	}
	missed, short := 0, 0
	for i := range runs {
		switch n := got[fmt.Sprintf("p04-%04d", i)]; {
		case n == 0:
			missed++
		case n != lines:
			short++
		}
	}
	if missed+short > 0 {
		t.Errorf("of %d containers %d are missing, and of %d not all lines arrived", runs, missed, short)
	}
}
