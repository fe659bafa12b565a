package docs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/wait"
)

var yamlFence = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// printed is a line as standard output has it.
type printed struct {
	Container, Stream, Line string
	Labels                  map[string]string
}

// TestLabelsDoc: every example of docs/labels.md is a configuration that check takes, and
// does what the text says.
func TestLabelsDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/labels.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var examples []string
	for i, m := range yamlFence.FindAllStringSubmatch(string(text), -1) {
		file := filepath.Join(dir, string(rune('a'+i))+".yaml")
		if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, code := carrier.Run(t, "check", "--config", file, "--docker-host", "none", "--docker-root", dataroot.New(t).Dir); code != 0 {
			t.Errorf("%s: %s", m[1], stderr)
		}
		examples = append(examples, file)
	}
	if len(examples) != 4 {
		t.Fatalf("%d examples: this test knows four", len(examples))
	}
	named, rules, metadata, jobs := examples[0], examples[1], examples[2], examples[3]

	root, at := dataroot.New(t), time.Now()
	web := root.Add(t, dataroot.Spec{Name: "web", Labels: map[string]string{
		"team": "blue", "log.format": "json", "org.opencontainers.image.revision": "c0ffee", "com.docker.compose.project": "shop",
	}})
	root.Add(t, dataroot.Spec{Name: "web-test"}).Append(t, dataroot.JSON(at, "of a test"))
	root.Add(t, dataroot.Spec{Name: "job-7f3a9c"}).Append(t, dataroot.JSON(at, "of a job"))
	web.Append(t, dataroot.JSON(at, "out"), strings.Replace(dataroot.JSON(at, "err"), `"stdout"`, `"stderr"`, 1))

	lines := run(t, root, named, 4)
	if l := lines["out"]; l.Labels["name"] != "web" || l.Container != "" || l.Labels["image"] != "" || l.Stream != "stdout" {
		t.Errorf("default-labels: %+v", l)
	}
	lines = run(t, root, rules, 3)
	out, errs := lines["out"], lines["err"]
	if _, there := lines["of a test"]; there || out.Labels["team"] != "blue" || out.Labels["format"] != "json" || out.Labels["level"] != "" || errs.Labels["level"] != "error" ||
		out.Labels["compose_project"] != "" || out.Container != "web" || out.Labels["service_name"] != "web" {
		t.Errorf("relabel_configs: %+v", lines)
	}
	if l := run(t, root, metadata, 4)["out"]; l.Labels["commit"] != "c0ffee" {
		t.Errorf("structured_metadata: %+v", l)
	}
	if l := run(t, root, jobs, 4)["of a job"]; l.Container != "job" {
		t.Errorf("many values: %+v", l)
	}
}

// run returns the lines that lighterman prints with a configuration, of which there are n.
func run(t *testing.T, root *dataroot.Root, file string, n int) map[string]printed {
	t.Helper()
	l := carrier.Start(t, root.Args("--config", file, "--listen", "off")...)
	wait.For(t, 20*time.Second, "all lines", func() bool { return strings.Count(l.Stdout(), "\n") >= n })
	l.Terminate(t)
	out := make(map[string]printed)
	for text := range strings.Lines(l.Stdout()) {
		var p printed
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		out[p.Line] = p
	}
	if len(out) != n {
		t.Errorf("%s: %d lines, want %d:\n%s\n%s", file, len(out), n, l.Stdout(), l.Stderr())
	}
	return out
}
