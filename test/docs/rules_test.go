package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/need"
)

// TestRulesDoc: the example of docs/testing-rules.md passes its own tests, and every command
// of the document runs, in a shell, and shows what the text says.
func TestRulesDoc(t *testing.T) {
	need.Program(t, "dash")
	text, err := os.ReadFile("../../docs/testing-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, root := t.TempDir(), dataroot.New(t)
	example := yamlFence.FindAllStringSubmatch(string(text), -1)
	if len(example) != 1 {
		t.Fatalf("%d examples: this test knows one", len(example))
	}
	const log = `{"level":"warn","message":"slow","user":"ann"}` + "\nGET /health\nan error\n"
	for name, content := range map[string]string{"lm.yaml": example[0][1], "app.log": log} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	web := root.Add(t, dataroot.Spec{Name: "web"})
	for line := range strings.Lines(log) {
		web.Append(t, dataroot.JSON(time.Now(), strings.TrimSuffix(line, "\n")))
	}
	if err := os.Symlink(carrier.Binary(t), filepath.Join(dir, "lighterman")); err != nil {
		t.Fatal(err)
	}
	env := append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIGHTERMAN_") }),
		"PATH="+dir+":"+os.Getenv("PATH"), "LIGHTERMAN_DOCKER_HOST=none", "LIGHTERMAN_DOCKER_ROOT="+root.Dir, "LIGHTERMAN_LISTEN=off")
	commands := 0
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		for command := range strings.Lines(m[2]) {
			commands++
			cmd := exec.Command("dash", "-ec", command)
			cmd.Dir, cmd.Env = dir, env
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
			var want []string
			switch {
			case strings.Contains(command, "check"):
				want = []string{"tests: 4 of 4 passed"}
			case strings.Contains(command, "grep"):
				want = []string{"read      an error", "1 line: 1 sent"}
			case strings.Contains(command, "--json"):
				want = []string{`"dropped":{"rule":"health","stage":"stages[5].drop"}`, `{"summary":{"lines":3,"sent":2,"joined":0,"dropped":{"health":1}`}
			default:
				want = []string{"dropped   by stages[5].drop, counted as health", "3 lines: 2 sent, 1 dropped by health", `level="warn"`}
			}
			if strings.Contains(command, "compose") {
				want = append(want, `compose_service="shop"`, `team="blue"`, `container="web"`)
			}
			for _, part := range want {
				if !strings.Contains(string(out), part) {
					t.Errorf("%s: %q is missing in\n%s", command, part, out)
				}
			}
		}
	}
	if commands != 8 {
		t.Errorf("%d commands: this test knows eight", commands)
	}
	broken := strings.Replace(example[0][1], "input: GET /health", "input: GET /healthy", 1)
	broken = regexp.MustCompile(`'GET /health'`).ReplaceAllString(broken, `'GET /health '`)
	if err := os.WriteFile(filepath.Join(dir, "lm.yaml"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dash", "-ec", "lighterman check --config lm.yaml")
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), `lm.yaml:11: test "health checks stay at home" fails:`) ||
		!strings.Contains(string(out), `lm.yaml:13: entry 1 of 1: expected an entry dropped by health, got "GET /healthy HTTP/1.1" sent`) {
		t.Errorf("a test that fails: %v\n%s", err, out)
	}
}
