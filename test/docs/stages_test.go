package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
)

// TestStagesDoc: every example of docs/stages.md is a configuration that check takes, and the
// first does what it says.
func TestStagesDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/stages.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var examples []string
	for i, m := range yamlFence.FindAllStringSubmatch(string(text), -1) {
		example := m[1]
		if strings.HasPrefix(example, "- ") {
			example = "stages:\n" + example
		}
		file := filepath.Join(dir, string(rune('a'+i))+".yaml")
		if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, code := carrier.Run(t, "check", "--config", file, "--docker-host", "none", "--docker-root", dataroot.New(t).Dir); code != 0 {
			t.Errorf("%s: %s", example, stderr)
		}
		examples = append(examples, file)
	}
	if len(examples) == 0 {
		t.Fatal("there are no examples")
	}
	root, at := dataroot.New(t), time.Now()
	web := root.Add(t, dataroot.Spec{Name: "web"})
	web.Append(t,
		dataroot.JSON(at, `{"level":"warn","message":"slow","user":{"name":"ann"}}`),
		dataroot.JSON(at.Add(1), `{"level":"info","message":"GET /health"}`),
		dataroot.JSON(at.Add(2), `key AKIAIOSFODNN7EXAMPLE of ann@example.org`))
	lines := run(t, root, examples[0], 2)
	first, second := lines[`{"level":"warn","message":"slow","user":{"name":"ann"}}`], lines["key <redacted:aws_key> of <redacted:mail>"]
	if first.Labels["level"] != "warn" || first.Labels["user"] != "ann" || second.Container != "web" {
		t.Errorf("%+v", lines)
	}
}
