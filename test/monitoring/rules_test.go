package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/test/need"
)

// promtool runs it on files of deploy.
func promtool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(need.Prometheus(t), "promtool"), args...)
	cmd.Dir = deploy
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestRules: Prometheus reads the alerts, they fire when they should and not else, and there
// is a case of both for each.
func TestRules(t *testing.T) {
	t.Parallel()
	if out, err := promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "grafana/alerts.yaml"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := promtool(t, "test", "rules", "grafana/alerts_test.yaml"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	var file struct {
		Tests []struct {
			Name  string
			Cases []struct {
				Expr    string
				Samples []struct{ Labels string } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	read(t, "grafana/alerts_test.yaml", &file)
	fires, quiet := make(map[string]bool), make(map[string]bool)
	for _, test := range file.Tests {
		alert, _, _ := strings.Cut(test.Name, ":")
		never := true
		for _, c := range test.Cases {
			if c.Expr != `ALERTS{alertname="`+alert+`", alertstate="firing"}` {
				t.Errorf("%s asks for %s", test.Name, c.Expr)
			}
			if len(c.Samples) > 0 {
				fires[alert], never = true, false
			}
		}
		quiet[alert] = quiet[alert] || never
	}
	documented := tables(t)
	for name, r := range alerts(t) {
		if !fires[name] || !quiet[name] {
			t.Errorf("%s: a case in which it fires %v, and one in which it never does %v", name, fires[name], quiet[name])
		}
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%s has the severity %q", name, r.Labels["severity"])
		}
		if !strings.Contains(documented[r.Labels["severity"]], "\n| `"+name+"` |") {
			t.Errorf("%s does not have %s among those that are %s", document, name, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || !strings.Contains(r.Annotations["description"], "lighterman") {
			t.Errorf("%s does not say what to do: %q", name, r.Annotations)
		}
	}
}

// tables are what the document has of alerts, by their severity.
func tables(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, severity := range []string{"critical", "warning"} {
		_, rest, _ := strings.Cut(string(text), "`severity: "+severity+"`")
		_, rest, _ = strings.Cut(rest, "|---|---|---|")
		out[severity], _, _ = strings.Cut(rest, "\n\n")
	}
	return out
}
