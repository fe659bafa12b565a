package outcomes

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// shown are containers as Compose and Swarm make them, with what they log, of which the last
// lines are of a level that Loki does not find by itself.
var shown = []struct {
	name, service, level, line string
	labels                     map[string]string
}{
	{"plain", "plain", "error", `E0806 10:15:00.123456       1 reflector.go:138] cannot list the pods of node %d`, nil},
	{"shop-web-1", "web", "fatal", `{"level":60,"time":1795953600000,"pid":1,"msg":"the bank has refused order %d of this customer"}`, map[string]string{
		"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}},
	{"blog_api.1.abc", "blog_api", "critical", `2026-11-29 12:00:00 ALERT: queue %d is full`, map[string]string{
		"com.docker.swarm.service.name": "blog_api", "com.docker.stack.namespace": "blog",
		"com.docker.swarm.task.name": "blog_api.1.abc", "com.docker.swarm.task.id": "abc", "com.docker.swarm.node.id": "node"}},
	{"shop-db-1", "db", "info", `2026-11-29 12:00:00.123 UTC [%d] LOG:  checkpoint complete`, map[string]string{
		"com.docker.compose.project": "shop", "com.docker.compose.service": "db"}},
}

// drilldown asks a Loki what Grafana's Logs Drilldown asks.
type drilldown struct {
	loki       *lokitest.Loki
	start, end time.Time
}

// ask asks a path, until Loki answers, and decodes the answer.
func (d *drilldown) ask(t *testing.T, path string, query url.Values, to any) bool {
	t.Helper()
	query.Set("start", fmt.Sprint(d.start.UnixNano()))
	query.Set("end", fmt.Sprint(d.end.UnixNano()))
	answer, err := http.Get(d.loki.URL + path + "?" + query.Encode())
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
		t.Logf("%s: %s %s", path, answer.Status, text)
		return false
	}
	return json.NewDecoder(answer.Body).Decode(to) == nil
}

// volume is how Drilldown lists what there is: the volume by a label.
func (d *drilldown) volume(t *testing.T, label string) map[string]bool {
	t.Helper()
	var out struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	found := make(map[string]bool)
	if d.ask(t, "/loki/api/v1/index/volume", url.Values{"query": {fmt.Sprintf("{%s=~`.+`}", label)}, "targetLabels": {label}, "limit": {"5000"}}, &out) {
		for _, r := range out.Data.Result {
			found[r.Metric[label]] = true
		}
	}
	return found
}

// levels is the volume of a service by level, as its panel asks for it.
func (d *drilldown) levels(t *testing.T, service string) map[string]bool {
	t.Helper()
	var out struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	found := make(map[string]bool)
	query := fmt.Sprintf("sum by (detected_level) (count_over_time({service_name=`%s`} | detected_level != \"\" [1m]))", service)
	if d.ask(t, "/loki/api/v1/query_range", url.Values{"query": {query}, "step": {"60"}}, &out) {
		for _, r := range out.Data.Result {
			found[r.Metric["detected_level"]] = true
		}
	}
	return found
}

// TestDrilldown: with no configuration at all, Grafana's Logs Drilldown has a service for every
// container, and never unknown_service; levels, those too that Loki does not find by itself;
// labels, fields, and patterns.
func TestDrilldown(t *testing.T) {
	t.Parallel()
	l := lokitest.New(t, map[string]string{"volume_enabled": "true", "pattern_ingester": "true"})
	root, now := dataroot.New(t), time.Now()
	for _, c := range shown {
		var records []string
		for i := range 100 {
			records = append(records, dataroot.JSON(now.Add(time.Duration(i-100)*100*time.Millisecond), fmt.Sprintf(c.line, i)))
		}
		root.Add(t, dataroot.Spec{Name: c.name, Labels: c.labels}).Append(t, records...)
	}
	running := carrier.Start(t, root.Args("--loki-url", l.URL, "--listen", "off")...)
	l.Await(t, `{service_name=~".+"}`, 100*len(shown), time.Minute)
	if code := running.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	d := &drilldown{l, now.Add(-10 * time.Minute), now.Add(10 * time.Minute)}
	services := make(map[string]bool)
	wait.For(t, time.Minute, "the volume of services", func() bool { services = d.volume(t, "service_name"); return len(services) >= len(shown) })
	if len(services) != len(shown) || services["unknown_service"] {
		t.Errorf("services are %v", services)
	}
	for _, c := range shown {
		if !services[c.service] {
			t.Errorf("no service %s", c.service)
		}
		if levels := d.levels(t, c.service); len(levels) != 1 || !levels[c.level] {
			t.Errorf("levels of %s are %v, not %s", c.service, levels, c.level)
		}
		query := url.Values{"query": {fmt.Sprintf("{service_name=`%s`}", c.service)}}
		var labels struct {
			DetectedLabels []struct{ Label string } `json:"detectedLabels"`
		}
		if !d.ask(t, "/loki/api/v1/detected_labels", query, &labels) || !strings.Contains(fmt.Sprint(labels), "container") {
			t.Errorf("labels of %s: %v", c.service, labels)
		}
		var fields struct{ Fields []struct{ Label string } }
		if !d.ask(t, "/loki/api/v1/detected_fields", query, &fields) || !strings.Contains(fmt.Sprint(fields), "detected_level") || !strings.Contains(fmt.Sprint(fields), "container_id") {
			t.Errorf("fields of %s: %v", c.service, fields)
		}
	}
	if projects := d.volume(t, "compose_project"); len(projects) != 1 || !projects["shop"] {
		t.Errorf("projects are %v", projects)
	}
	if stacks := d.volume(t, "swarm_stack"); len(stacks) != 1 || !stacks["blog"] {
		t.Errorf("stacks are %v", stacks)
	}
	for _, c := range shown {
		// Loki makes patterns of messages with four words at least; of JSON, of its msg.
		var patterns struct{ Data []struct{ Pattern string } }
		wait.For(t, time.Minute, "a pattern of "+c.service, func() bool {
			return d.ask(t, "/loki/api/v1/patterns", url.Values{"query": {fmt.Sprintf("{service_name=`%s`}", c.service)}, "step": {"10s"}}, &patterns) && len(patterns.Data) > 0
		})
		if !strings.Contains(patterns.Data[0].Pattern, "<_>") {
			t.Errorf("the pattern of %s is %q", c.service, patterns.Data[0].Pattern)
		}
	}
}
