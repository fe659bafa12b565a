package monitoring

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/test/promtest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestMonitoring: on two hosts on which everything happens that an operator wants to hear of,
// each panel has data, each alert fires or is about to, and docs/monitoring.md says what all
// metrics are.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.lose(t)
	s.happen(t)
	s.awaitAlerts(t, unprovoked)
	t.Run("panels", s.panels)
	t.Run("variables", s.variables)
	t.Run("outputs", s.outputs)
	t.Run("metrics", s.metrics)
	t.Run("annotations", s.annotations)
	s.end(t)
}

// unprovoked are alerts that nothing here makes fire: alerts_test.yaml has them alone.
var unprovoked = map[string]string{
	"LightermanAbsent":            "something is scraped",
	"LightermanRestarts":          "it takes more than three starts",
	"LightermanLinesLost":         "it shows when reading goes on, and the Loki of the second host never comes",
	"LightermanPositionsNotSaved": "it takes a full disk",
	"LightermanReadsInTurns":      "it takes a small limit of open files, of which a host that loses lines needs many",
	"LightermanEngineGone":        "see end",
	"LightermanDown":              "see end",
}

// awaitAlerts waits until each alert that is not named has fired or was about to.
func (s *scene) awaitAlerts(t *testing.T, without map[string]string) {
	t.Helper()
	var missing []string
	all := slices.DeleteFunc(slices.Collect(maps.Keys(alerts(t))), func(name string) bool { return without[name] != "" })
	if !wait.Until(patience, func() bool {
		missing = slices.Clone(all)
		for _, a := range s.seen(t) {
			missing = slices.DeleteFunc(missing, func(name string) bool { return name == a.Labels["alertname"] })
		}
		return len(missing) == 0
	}) {
		slices.Sort(missing)
		t.Errorf("what should raise them has happened, and these alerts are quiet: %q", missing)
	}
}

// seen are the alerts that there were so far.
func (s *scene) seen(t *testing.T) []promtest.Series {
	t.Helper()
	found, err := s.prom.Query("last_over_time(ALERTS[10m])")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// end ends the second host, first its directory of containers and then all of it.
func (s *scene) end(t *testing.T) {
	t.Helper()
	if err := os.Rename(s.root.Containers(), s.root.Containers()+".gone"); err != nil {
		t.Fatal(err)
	}
	s.await(t, `ALERTS{alertname="LightermanEngineGone"}`)
	s.two.Kill9(t)
	s.await(t, `ALERTS{alertname="LightermanDown"}`)
}

// annotations: what alerts say is in words, with the host and what to do.
func (s *scene) annotations(t *testing.T) {
	all, err := s.prom.Alerts()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 8 {
		t.Errorf("only %d alerts", len(all))
	}
	for _, a := range all {
		summary, description := a.Annotations["summary"], a.Annotations["description"]
		for _, text := range []string{summary, description} {
			if text == "" || strings.Contains(text, "<no value>") || strings.Contains(text, "error expanding") || strings.Contains(text, "{{") {
				t.Errorf("%s says %q", a.Labels["alertname"], text)
			}
		}
		if !strings.Contains(summary, a.Labels["instance"]) {
			t.Errorf("%s does not say which host it is: %q", a.Labels["alertname"], summary)
		}
		if output := a.Labels["output"]; output != "" && !strings.Contains(summary, output) {
			t.Errorf("%s does not say which output it is: %q", a.Labels["alertname"], summary)
		}
	}
}

// rule is an alert in alerts.yaml.
type rule struct {
	Alert, Expr, For string
	Labels           map[string]string
	Annotations      map[string]string
}

// alerts are those of alerts.yaml.
func alerts(t *testing.T) map[string]rule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	read(t, "grafana/alerts.yaml", &file)
	out := make(map[string]rule)
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			out[r.Alert] = r
		}
	}
	return out
}

// read reads a YAML file of deploy.
func read(t *testing.T, name string, into any) {
	t.Helper()
	parseFile(t, filepath.Join(deploy, name), into)
}

func parseFile(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
