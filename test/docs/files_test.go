package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
)

// TestFilesDoc: the example of docs/files.md is a configuration that check takes, and its
// commands say which files are read and which are not.
func TestFilesDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/files.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := yamlFence.FindAllStringSubmatch(string(text), -1)
	if len(examples) != 1 {
		t.Fatalf("%d examples", len(examples))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "lighterman.yaml")
	example := strings.NewReplacer("/var/log", dir+"/log", "/srv/app", dir+"/app").Replace(examples[0][1])
	example += "  - paths: [" + dir + "/private/*]\nlisten: 'off'\ndocker-host: none\ndocker-root: " + dataroot.New(t).Dir + "\nstate-dir: " + dir + "/state\n"
	for name, text := range map[string]string{
		"lighterman.yaml": example, "log/a.log": "x\n", "log/installer.log": "x\n", "app/deep/er/b.log": "x\n", "private/key": "x\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commands := 0
	for _, b := range blocks(t) {
		for line := range strings.Lines(b.text) {
			args, is := strings.CutPrefix(strings.TrimSpace(line), "sudo lighterman ")
			if b.file != "files.md" || !is {
				continue
			}
			commands++
			args = strings.ReplaceAll(args, "/etc/lighterman/lighterman.yaml", file)
			stdout, stderr, code := carrier.Run(t, strings.Fields(args)...)
			said := stdout + stderr
			if code != 0 || !strings.Contains(said, "private/key") || !strings.Contains(said, "only its owner may read it") {
				t.Errorf("%s: exit code %d: %s", args, code, said)
			}
			if strings.HasPrefix(args, "ls ") && (!strings.Contains(said, "log/a.log") || !strings.Contains(said, "app/deep/er/b.log") || strings.Contains(said, "installer.log")) {
				t.Errorf("%s: %s", args, said)
			}
		}
	}
	if commands != 2 {
		t.Errorf("%d commands", commands)
	}
}
