package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// TestReloadDoc: what docs/reload.md says to do reloads the configuration.
func TestReloadDoc(t *testing.T) {
	need.Program(t, "curl")
	command := ""
	for _, b := range blocks(t) {
		for line := range strings.Lines(b.text) {
			if b.file == "reload.md" && strings.HasPrefix(line, "curl ") {
				command = line
			}
		}
	}
	if command == "" {
		t.Fatal("there is no such command")
	}
	dir := t.TempDir()
	socket, file := filepath.Join(dir, "s"), filepath.Join(dir, "lm.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("loki-url: http://127.0.0.1:9\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	l := carrier.Start(t, "--config", file, "--docker-host", "none", "--docker-root", dataroot.New(t).Dir, "--listen", "unix:"+socket, "--shutdown-timeout", "0")
	wait.For(t, time.Minute, "the socket", func() bool { return strings.Contains(l.Stderr(), "serving metrics") })
	ask := func(want string) {
		t.Helper()
		out, err := exec.Command("sh", "-c", strings.ReplaceAll(command, "/run/lighterman/lighterman.sock", socket)).Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %q, want %q", err, out, want)
		}
	}
	ask("the configuration is unchanged")
	write("stages: [{decolorize: {}}]\n")
	ask("the configuration was reloaded: stages")
	write("stages: [{decolourize: {}}]\n")
	ask(file + ":2:11: ")
	write("")
	l.Signal(t, syscall.SIGHUP)
	wait.For(t, time.Minute, "the signal", func() bool { return strings.Contains(l.Stderr(), `"asked by"=SIGHUP`) })
}

// TestOutputsDoc: the examples of docs/outputs.md are configurations that check takes.
func TestOutputsDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/outputs.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := yamlFence.FindAllStringSubmatch(string(text), -1)
	if len(examples) == 0 {
		t.Fatal("there is no example")
	}
	dir := t.TempDir()
	secret, file := filepath.Join(dir, "secret"), filepath.Join(dir, "lm.yaml")
	for _, m := range examples {
		example := strings.ReplaceAll(m[1], "/etc/lighterman/archive-password", secret)
		for name, text := range map[string]string{secret: "secret", file: example} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, stderr, code := carrier.Run(t, "check", "--config", file, "--listen", "off", "--state-dir", filepath.Join(dir, "state"), "--docker-host", "none", "--docker-root", dataroot.New(t).Dir); code != 0 {
			t.Error(stderr)
		}
	}
}
