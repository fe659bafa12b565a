package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testMachine is what tests run on: a user's, with a name.
var testMachine = machine{hostname: func() (string, error) { return "node-1", nil }}

// testEnviron is the least environment that has all defaults.
var testEnviron = []string{"HOME=/home/user"}

// loadFile loads a file called lm.yaml with this text.
func loadFile(t *testing.T, text string, args ...string) (*Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("lm.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return load(append([]string{"--config", "lm.yaml"}, args...), testEnviron, testMachine)
}

func load(args, environ []string, m machine) (*Config, error) {
	return newLoader(environ, m).load(args)
}

// wantErr compares an error with the lines expected of it.
func wantErr(t *testing.T, err error, lines ...string) {
	t.Helper()
	got := "<nil>"
	if err != nil {
		got = err.Error()
	}
	if want := strings.Join(lines, "\n"); got != want {
		t.Errorf("error:\n%s\nwant:\n%s", got, want)
	}
}

func TestPrecedence(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("lm.yaml", []byte("mode: file\nbatch-wait: 1s\nsince: now\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append([]string{"LIGHTERMAN_CONFIG=lm.yaml", "LIGHTERMAN_BATCH_WAIT=2s", "LIGHTERMAN_MODE=stream"}, testEnviron...)
	c, err := load([]string{"--mode=hybrid"}, env, testMachine)
	if err != nil {
		t.Fatal(err)
	}
	if c.Reading.Mode != Hybrid || c.Batch.Wait.String() != "2s" || !c.Reading.Since.Now || c.Batch.Bytes != 1<<20 || c.File != "lm.yaml" {
		t.Errorf("got %+v", c)
	}
	for _, line := range []string{
		"mode: hybrid  # flag --mode\n",
		"batch-wait: 2s  # environment LIGHTERMAN_BATCH_WAIT\n",
		"since: now  # lm.yaml:3\n",
		"batch-size: 1MiB  # default\n",
	} {
		if !strings.Contains(c.Effective(), line) {
			t.Errorf("effective configuration lacks %q:\n%s", line, c.Effective())
		}
	}
}

func TestEmptyMeansDefault(t *testing.T) {
	c, err := loadFile(t, "loki-url: http://loki\ninclude-name: [a]\nhost-label: ''\n", "--loki-url=", "--state-dir", "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Loki.URL != nil || c.Labels.Host != "node-1" || c.StateDir != "/home/user/.local/state/lighterman" {
		t.Errorf("got %+v", c)
	}
	if _, err := load(nil, append(testEnviron, "LIGHTERMAN_MODE="), testMachine); err != nil {
		t.Errorf("empty variable: %v", err)
	}
}

func TestStateDir(t *testing.T) {
	for want, env := range map[string][]string{
		"/run/state":                         {"STATE_DIRECTORY=/run/state:/run/other", "HOME=/home/user"},
		"/xdg/lighterman":                    {"XDG_STATE_HOME=/xdg", "HOME=/home/user"},
		"/home/user/.local/state/lighterman": {"XDG_STATE_HOME=relative", "HOME=/home/user"},
	} {
		c, err := load(nil, env, testMachine)
		if err != nil || c.StateDir != want {
			t.Errorf("%q: got %v, %v", want, c, err)
		}
	}
	c, err := load(nil, nil, machine{root: true, hostname: noName})
	if err != nil || c.StateDir != "/var/lib/lighterman" || c.Labels.Host != "" {
		t.Errorf("root: got %v, %v", c, err)
	}
	_, err = load(nil, nil, testMachine)
	wantErr(t, err, "state-dir: there is no default without HOME; use --state-dir")
}

func noName() (string, error) { return "", errors.New("no name") }

func TestLoadReadsThisMachine(t *testing.T) {
	c, err := Load(nil, testEnviron)
	if err != nil || c.StateDir == "" || c.Loki.URL != nil {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := Load([]string{"--mode", "file", "-h"}, nil); !errors.Is(err, ErrHelp) {
		t.Errorf("-h: got %v", err)
	}
	if _, err := Load([]string{"--nonsense", "--help"}, nil); !errors.Is(err, ErrHelp) {
		t.Errorf("--help: got %v", err)
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.yaml")
	_, err := load([]string{"--config", missing}, testEnviron, testMachine)
	wantErr(t, err, "cannot read configuration: open "+missing+": no such file or directory")
	_, err = load([]string{"--config", dir}, testEnviron, testMachine)
	wantErr(t, err, "cannot read configuration: read "+dir+": is a directory")
	_, err = load([]string{"--config", "a\nb"}, testEnviron, testMachine)
	wantErr(t, err, "--config: must not contain the control character U+000A")
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("lm.yaml", []byte("mode: fast\nbatch-wait: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append([]string{"LIGHTERMAN_LOKI_ULR=x", "LIGHTERMAN_MODE=slow"}, testEnviron...)
	_, err := load([]string{"--config", "lm.yaml", "--since", "-1h", "--tls-cert-file", "c"}, env, testMachine)
	wantErr(t, err,
		`lm.yaml:1:7: mode: invalid value "fast": expected "hybrid", "file" or "stream"`,
		`lm.yaml:2:13: batch-wait: invalid value "5": expected a duration, such as 200ms, 10s or 7d`,
		`LIGHTERMAN_LOKI_ULR: unknown variable; did you mean LIGHTERMAN_LOKI_URL?`,
		`LIGHTERMAN_MODE: invalid value "slow": expected "hybrid", "file" or "stream"`,
		`--since: invalid value "-1h": expected "beginning", "now" or a duration, such as 168h or 7d`,
		`tls-cert-file (flag --tls-cert-file) needs tls-key-file`)
}
