package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/repo"
)

func TestMain(m *testing.M) {
	code := m.Run()
	repo.RemoveBuilt()
	os.Exit(code)
}

// block is what stands between ```sh and ```, with where it is.
type block struct{ file, text string }

var fence = regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```$")

func blocks(t *testing.T) (all []block) {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
			all = append(all, block{filepath.Base(file), strings.ReplaceAll("\n"+m[2], "\n"+m[1], "\n")})
		}
	}
	if len(all) < 8 {
		t.Fatalf("only %d blocks", len(all))
	}
	return all
}

// TestP9BlocksAreShell: every block is what any POSIX shell takes.
func TestP9BlocksAreShell(t *testing.T) {
	need.Program(t, "dash")
	for _, b := range blocks(t) {
		cmd := exec.Command("dash", "-n")
		cmd.Stdin = strings.NewReader(strings.ReplaceAll(b.text, "…", ""))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %s in\n%s", b.file, out, b.text)
		}
	}
}

// called is a call of lighterman: its subcommand and flags, up to what ends a command.
var called = regexp.MustCompile(`(?m)(?:^|[ /])lighterman (run|ls|check|compare|version|health)((?: +(?:'[^']*'|[^ |#;&\n])+)*)`)

var word = regexp.MustCompile(`'[^']*'|[^ ]+`)

// TestP9CommandsRun: every call of lighterman has flags that there are, and those that
// only look do, on a data root made by hand. A recipe that publishes the port listens on
// all addresses of its container.
func TestP9CommandsRun(t *testing.T) {
	root := dataroot.New(t)
	root.Add(t, dataroot.Spec{Name: "web"})
	calls := 0
	for _, b := range blocks(t) {
		text := strings.ReplaceAll(b.text, "\\\n", " ")
		for _, line := range strings.Split(text, "\n") {
			if strings.Contains(line, "docker run") && strings.Contains(line, "lighterman run") && !strings.Contains(line, "--listen :9177") {
				t.Errorf("%s: nobody reaches the page of a container without --listen: %s", b.file, line)
			}
			for _, m := range called.FindAllStringSubmatch(line, -1) {
				calls++
				command := m[1]
				var args []string
				for _, w := range word.FindAllString(strings.ReplaceAll(m[2], "--loki-url …", "--loki-url http://loki.example:3100"), -1) {
					if w == "/etc/lighterman/config.yaml" { // that of the packages
						w = "../../packaging/files/config.yaml"
					}
					args = append(args, strings.Trim(w, "'"))
				}
				if command == "ls" || command == "version" {
					if command == "ls" {
						args = append(args, "--listen", "off", "--docker-host", "none", "--docker-root", root.Dir)
					}
					if _, stderr, code := carrier.Run(t, append([]string{command}, args...)...); code != 0 {
						t.Errorf("%s: %s %q: %s", b.file, command, args, stderr)
					}
					continue
				}
				if command == "health" { // of one that runs; its own flag is not check's
					args = slices.DeleteFunc(args, func(a string) bool { return a == "--ready" })
				}
				if command == "compare" {
					args = slices.DeleteFunc(args, func(a string) bool { return a == "--for" || a == "60s" || a == "--json" })
				}
				// What they name is not on this machine, which check may say; wrong flags it must not.
				if _, stderr, code := carrier.Run(t, append([]string{"check"}, args...)...); code == 2 {
					t.Errorf("%s: %s %q: %s", b.file, command, args, stderr)
				}
			}
		}
	}
	if calls < 10 {
		t.Errorf("only %d calls were found", calls)
	}
}
