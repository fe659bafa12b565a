package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestD7RefusedForItsLabels: a container whose labels a real Loki refuses costs one request,
// however long it writes; it counts as one stream, and all of its lines as refused.
func TestD7RefusedForItsLabels(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), lokitest.New(t, map[string]string{"max_label_value_length": "200"})
	bad := root.Add(t, dataroot.Spec{Name: "bad", Labels: map[string]string{"com.docker.compose.service": strings.Repeat("x", 300)}})
	good := root.Add(t, dataroot.Spec{Name: "good"})
	good.Append(t, dataroot.JSON(noon, "first"))
	c := carrier.Start(t, root.Args("--loki-url", loki.URL, "--batch-wait", "100ms")...)
	c.AwaitReady(t, 30*time.Second)
	count := func(name string, labels ...string) float64 { return c.Metrics(t).Sum("lighterman_"+name, labels...) }
	wait.For(t, 30*time.Second, "the first line", func() bool { return count("pushes_total", `outcome="accepted"`) > 0 })
	const times = 20
	for i := range times {
		at := noon.Add(time.Duration(i+1) * time.Second)
		bad.Append(t, dataroot.JSON(at, fmt.Sprint("bad ", i)), dataroot.JSON(at, fmt.Sprint("bad again ", i)))
		good.Append(t, dataroot.JSON(at, fmt.Sprint("good ", i)))
		wait.For(t, 10*time.Second, "the next lines", func() bool {
			return count("rejected_lines_total") == float64(2*(i+1)) && count("delivery_seconds_count")+count("backlog_delivery_seconds_count") >= float64(i+2)
		})
	}
	if got := count("rejected_streams_total"); got != 1 {
		t.Errorf("%v streams were refused", got)
	}
	if got := count("pushes_total", `outcome="refused"`); got != 1 {
		t.Errorf("%v requests were refused", got)
	}
	if got := count("lines_total"); got != 3*times+1 {
		t.Errorf("%v lines were read", got)
	}
	if _, page, _ := c.Get("/status.json"); !strings.Contains(page, fmt.Sprintf(`"refused": %d`, 2*times)) {
		t.Errorf("nothing on the page of what was refused:\n%s", page)
	}
}
