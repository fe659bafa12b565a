package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/need"
)

// TestSuggestDoc: every command of docs/suggest.md runs, one after the other, and shows what the
// text says; its example is a configuration.
func TestSuggestDoc(t *testing.T) {
	need.Program(t, "dash")
	text, err := os.ReadFile("../../docs/suggest.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, root := t.TempDir(), dataroot.New(t)
	shop, at := root.Add(t, dataroot.Spec{Name: "shop"}), time.Now().Add(-time.Minute)
	for k := range 5 {
		_, trace := lines.Traced("java", k)
		for _, line := range append(trace, "GET /healthz 200") {
			shop.Append(t, dataroot.JSON(at, line))
		}
	}
	if err := os.Symlink(carrier.Binary(t), filepath.Join(dir, "lighterman")); err != nil {
		t.Fatal(err)
	}
	env := append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIGHTERMAN_") }),
		"PATH="+dir+":"+os.Getenv("PATH"), "LIGHTERMAN_DOCKER_HOST=none", "LIGHTERMAN_DOCKER_ROOT="+root.Dir, "LIGHTERMAN_LISTEN=off", "LIGHTERMAN_JOURNAL_DIR=none")
	wants := map[string]string{"--since": "- parser: java", "--json": `"kind": "joined_lines"`, "check": "stages:", "try": "dropped   by stages[0].match.stages[1].drop, counted as health_check"}
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
			for word, want := range wants {
				if strings.Contains(command, word) && !strings.Contains(string(out), want) {
					t.Errorf("%s: %q is missing in\n%s", command, want, out)
				}
			}
		}
	}
	if commands != 5 {
		t.Errorf("%d commands: this test knows five", commands)
	}
	for i, m := range yamlFence.FindAllStringSubmatch(string(text), -1) {
		file := filepath.Join(dir, fmt.Sprintf("%d.yaml", i))
		if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, code := carrier.Run(t, "check", "--config", file, "--docker-host", "none", "--docker-root", root.Dir); code != 0 {
			t.Errorf("the example: %s", stderr)
		}
	}
}
