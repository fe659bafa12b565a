package monitoring

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/deploy/grafana/boards"
	"github.com/lighterman/lighterman/test/carrier"
)

// family is a metric that lighterman exports.
type family struct {
	kind, help string
	labels     []string
}

// exported are those of the first host's and the second's /metrics, by name.
func (s *scene) exported(t *testing.T) map[string]*family {
	t.Helper()
	out := make(map[string]*family)
	for _, c := range []*carrier.Carrier{s.one, s.two} {
		_, body, err := c.Get("/metrics")
		if err != nil {
			t.Fatal(err)
		}
		parse(body, out)
	}
	return out
}

var pair = regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*"`)

// parse reads what Prometheus reads.
func parse(text string, into map[string]*family) {
	var of *family
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if rest, found := strings.CutPrefix(line, "# HELP "); found {
			name, help, _ := strings.Cut(rest, " ")
			if into[name] == nil {
				into[name] = &family{help: help}
			}
			of = into[name]
			continue
		}
		if rest, found := strings.CutPrefix(line, "# TYPE "); found {
			_, of.kind, _ = strings.Cut(rest, " ")
			continue
		}
		for _, m := range pair.FindAllStringSubmatch(line, -1) {
			if name := m[1]; name != "le" && name != "quantile" && name != "output" && !slices.Contains(of.labels, name) {
				of.labels = append(of.labels, name)
			}
		}
	}
}

var named = regexp.MustCompile(`\b(?:lighterman|process|go)_[a-z0-9_]+`)

// metrics: no panel and no alert asks for a metric that is not exported, and each that is
// exported is on a panel, or is said not to be. docs/monitoring.md has all of them.
func (s *scene) metrics(t *testing.T) {
	exported := s.exported(t)
	shown := make(map[string]bool)
	asks := func(where, expr string) {
		for _, name := range named.FindAllString(expr, -1) {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if of := exported[strings.TrimSuffix(name, suffix)]; of != nil && of.kind == "histogram" {
					name = strings.TrimSuffix(name, suffix)
				}
			}
			if exported[name] == nil {
				t.Errorf("%s asks for %s, which is not exported", where, name)
			}
			shown[name] = true
		}
	}
	for _, r := range alerts(t) {
		asks(r.Alert, r.Expr)
	}
	clear(shown) // an alert shows nothing
	for _, b := range boards.All() {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, q := range p.Queries {
					asks(b.Name+", "+p.Title, q.Expr)
				}
			}
		}
	}
	for name := range exported {
		if _, not := boards.NotShown[name]; strings.HasPrefix(name, "lighterman_") && shown[name] == not {
			t.Errorf("%s: on a panel %v, said not to be %v", name, shown[name], not)
		}
	}
	for name := range boards.NotShown {
		if exported[name] == nil {
			t.Errorf("%s is said not to be on a panel, and is not exported", name)
		}
	}
	table(t, exported)
}

// document has the metrics between these marks.
const (
	document = "../../docs/monitoring.md"
	begins   = "| metric | labels | what it says |\n|---|---|---|\n"
)

// table holds the document against what is exported; UPDATE_METRICS=1 renews it.
func table(t *testing.T, exported map[string]*family) {
	t.Helper()
	var want strings.Builder
	for _, name := range slices.Sorted(maps.Keys(exported)) {
		if f := exported[name]; strings.HasPrefix(name, "lighterman_") {
			slices.Sort(f.labels)
			labels := ""
			for _, l := range f.labels {
				labels += fmt.Sprintf(" `%s`", l)
			}
			fmt.Fprintf(&want, "| `%s` |%s | %s |\n", name, labels, f.help)
		}
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begins)
	if !found {
		t.Fatalf("%s has no table of metrics", document)
	}
	had, after, _ := strings.Cut(rest, "\n\n")
	if had+"\n" == want.String() {
		return
	}
	if os.Getenv("UPDATE_METRICS") == "1" {
		if err := os.WriteFile(document, []byte(before+begins+want.String()+"\n"+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the metrics of %s are not those that are exported (UPDATE_METRICS=1 renews them); these are:\n%s", document, want.String())
}
