package docs

import (
	"io"
	"net/http"
	"net/http/httptest"
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
var called = regexp.MustCompile(`(?m)(?:^|[ /])lighterman (run|ls|tail|check|compare|convert|diff|version|health|verify|why|suggest|resend)((?: +(?:'[^']*'|[^ |#;&\n])+)*)`)

var word = regexp.MustCompile(`'[^']*'|[^ ]+`)

// TestP9CommandsRun: every call of lighterman has flags that there are, and those that
// only look do, on a data root made by hand. A recipe that publishes the port listens on
// all addresses of its container.
func TestP9CommandsRun(t *testing.T) {
	root := dataroot.New(t)
	root.Add(t, dataroot.Spec{Name: "web"})
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := `[]`
		if strings.HasSuffix(r.URL.Path, "/query_range") {
			data = `{"resultType":"streams","result":[]}`
		}
		_, _ = io.WriteString(w, `{"status":"success","data":`+data+`}`)
	}))
	defer empty.Close()
	calls := 0
	configured := filepath.Join(t.TempDir(), "lighterman.yaml")
	if err := os.WriteFile(configured, []byte("loki-url: http://loki.example:3100\nloki-username: u\nloki-password: p\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(t) {
		if b.file == "testing-rules.md" || b.file == "suggest.md" {
			continue // TestRulesDoc and TestSuggestDoc run them beside the files that they name
		}
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
				if i := slices.Index(args, "--config"); i >= 0 && i+1 < len(args) && strings.HasPrefix(args[i+1], "/") {
					args[i+1] = configured
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
				if command == "tail" {
					args = append(args, "--no-follow", "--docker-host", "none", "--docker-root", root.Dir, "--journal-dir", "none")
					if _, stderr, code := carrier.Run(t, append([]string{command}, args...)...); code == 2 || code == 1 && !strings.Contains(stderr, "no container matches") {
						t.Errorf("%s: %s %q: exit code %d: %s", b.file, command, args, code, stderr)
					}
					continue
				}
				if command == "verify" || command == "why" || command == "resend" { // a Loki that has nothing, or no such container: not its flags
					args = append(args, "--docker-host", "none", "--docker-root", root.Dir, "--journal-dir", "none", "--loki-url", empty.URL, "--listen", "off")
					if _, stderr, code := carrier.Run(t, append([]string{command}, args...)...); code == 1 && command == "verify" || strings.Contains(stderr, "flag") {
						t.Errorf("%s: %s %q: exit code %d: %s", b.file, command, args, code, stderr)
					}
					continue
				}
				if command == "suggest" { // of containers that are there, or not
					args = append(args, "--docker-host", "none", "--docker-root", root.Dir, "--journal-dir", "none")
					if _, stderr, code := carrier.Run(t, append([]string{command}, args...)...); code == 2 || code == 1 && !strings.Contains(stderr, "there is no container") {
						t.Errorf("%s: %s %q: exit code %d: %s", b.file, command, args, code, stderr)
					}
					continue
				}
				if command == "health" { // of one that runs; its own flag is not check's
					args = slices.DeleteFunc(args, func(a string) bool { return a == "--ready" })
				}
				if command == "convert" {
					if _, stderr, code := carrier.Run(t, append([]string{command}, converts(t, args)...)...); code != 0 {
						t.Errorf("%s: %s %q: %s", b.file, command, args, stderr)
					}
					continue
				}
				if command == "diff" { // of Lokis that have nothing
					args = append(args, "--left-loki-url", empty.URL, "--right-loki-url", empty.URL)
					if _, stderr, code := carrier.Run(t, append([]string{command}, args...)...); code != 2 || !strings.Contains(stderr, "neither side has a line") {
						t.Errorf("%s: %s %q: exit code %d: %s", b.file, command, args, code, stderr)
					}
					continue
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

// converts puts what there is here in the place of what a call of convert names.
func converts(t *testing.T, args []string) (out []string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"config.yml":     "clients: [{url: http://loki.example:3100}]\nscrape_configs: [{job_name: a, docker_sd_configs: [{host: unix:///var/run/docker.sock}]}]\n",
		"config.alloy":   "loki.write \"a\" {\n  endpoint {\n    url = \"http://loki.example:3100\"\n  }\n}\n",
		"positions.yaml": "positions:\n  cursor-" + strings.Repeat("0a", 32) + ": \"1700000000\"\n",
		"positions.yml":  "positions:\n  ? path: cursor-" + strings.Repeat("0a", 32) + "\n    labels: '{}'\n  : \"1700000000\"\n",
	}
	for _, arg := range args {
		if text, known := files[filepath.Base(arg)]; known {
			arg = filepath.Join(dir, filepath.Base(arg))
			if err := os.WriteFile(arg, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		} else if strings.HasPrefix(arg, "/") {
			arg = filepath.Join(dir, filepath.Base(arg))
		}
		out = append(out, arg)
	}
	return out
}
