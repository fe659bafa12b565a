package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
)

// labelRow is a row of the table of labels: name, example, and whether it is honoured.
var labelRow = regexp.MustCompile("(?m)^\\| `lighterman\\.([a-z_]+)(?:\\.KEY)?` \\| `(.*?)`.* \\| (yes|no) \\|$")

// TestContainerLabelsDoc: the table has every label, with an example that works and what is
// honoured by default; the configuration is one that check takes; and the command shows what
// the text shows.
func TestContainerLabelsDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/container-labels.md")
	if err != nil {
		t.Fatal(err)
	}
	root, at := dataroot.New(t), time.Now()
	labels := make(map[string]string)
	var names, honoured []string
	for _, m := range labelRow.FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
		if m[3] == "yes" {
			honoured = append(honoured, m[1])
		}
		name := "lighterman." + m[1]
		switch m[1] {
		case "enable":
			continue
		case "label", "metadata":
			name += ".team"
		}
		labels[name] = strings.ReplaceAll(m[2], `\|`, "|")
	}
	for _, list := range [][]string{names, honoured} {
		slices.Sort(list)
	}
	if all := slices.Sorted(slices.Values(config.ContainerLabels)); !slices.Equal(names, all) {
		t.Errorf("the table has %q, there are %q", names, all)
	}
	if def := slices.Sorted(slices.Values(config.DefaultContainerLabels)); !slices.Equal(honoured, def) {
		t.Errorf("the table says that %q are honoured by default, that are %q", honoured, def)
	}
	examples := yamlFence.FindAllStringSubmatch(string(text), -1)
	if len(examples) != 1 {
		t.Fatalf("%d examples: this test knows one", len(examples))
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	example, all := file("example.yaml", examples[0][1]), file("all.yaml", "container-labels: ["+strings.Join(names, ", ")+"]\n")
	for _, path := range []string{example, all} {
		if _, stderr, code := carrier.Run(t, "check", "--config", path, "--docker-host", "none", "--docker-root", root.Dir); code != 0 {
			t.Errorf("%s: %s", path, stderr)
		}
	}
	root.Add(t, dataroot.Spec{Name: "every", Labels: labels})
	root.Add(t, dataroot.Spec{Name: "shop", Labels: map[string]string{"lighterman.paser": "java"}})
	root.Add(t, dataroot.Spec{Name: "blog", Labels: map[string]string{"lighterman.drop": "x"}})
	args := []string{"ls", "--listen", "off", "--docker-host", "none", "--docker-root", root.Dir, "--json"}
	out, stderr, code := carrier.Run(t, args...)
	for _, want := range []string{"lighterman.paser: there is no such label; did you mean lighterman.parser?", "lighterman.drop is not honoured: container-labels does not have drop"} {
		if !strings.Contains(out, want) || !strings.Contains(string(text), want) || code != 0 {
			t.Errorf("%s is not said: %s%s", want, out, stderr)
		}
	}
	if out, stderr, _ := carrier.Run(t, append(args, "--config", all)...); strings.Count(out, `"remarks": []`) != 2 {
		t.Errorf("the examples of the table do not work: %s%s", out, stderr)
	}

	web := dataroot.New(t)
	web.Add(t, dataroot.Spec{Name: "web", Labels: map[string]string{
		"lighterman.parser": "java", "lighterman.metadata.team": "blue", "lighterman.redact": "mails", "lighterman.label.tier": "front", "lighterman.drop": "GET /health",
	}}).Append(t,
		dataroot.JSON(at, "2026-11-29 12:00:00,123 ERROR [main] a.B - of ann@example.org"), dataroot.JSON(at.Add(1), "java.lang.Error: x"), dataroot.JSON(at.Add(2), "\tat a.B.c(B.java:1)"),
		dataroot.JSON(at.Add(3), "2026-11-29 12:00:01,123 INFO [main] a.B - GET /health"), dataroot.JSON(at.Add(4), "2026-11-29 12:00:02,123 INFO [main] a.B - end"))
	lines := run(t, web, example, 2)
	joined := lines["2026-11-29 12:00:00,123 ERROR [main] a.B - of <redacted:mail>\njava.lang.Error: x\n\tat a.B.c(B.java:1)"]
	if joined.Labels["team"] != "blue" || joined.Labels["tier"] != "front" {
		t.Errorf("%+v", lines)
	}
}
