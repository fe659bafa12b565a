package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommands holds the table to what help, completions and manual pages need of it.
func TestCommands(t *testing.T) {
	for _, c := range commands() {
		if c.run == nil || c.summary == "" || strings.HasSuffix(c.summary, ".") {
			t.Errorf("%s: no function, no summary, or a full stop", c.name)
		}
		if !strings.HasPrefix(c.usage, "Usage: lighterman "+c.name) {
			t.Errorf("%s: its help begins with %.40q", c.name, c.usage)
		}
		flags := regexp.MustCompile(`(?m)^  (-\w, )?--.*$`).FindAllString(c.usage, -1)
		own := ownOptions(c.usage)
		if len(own) != len(flags) {
			t.Errorf("%s: %d flags in its help, %d in completions", c.name, len(flags), len(own))
		}
		for _, o := range own {
			if o.help == "" {
				t.Errorf("%s --%s: no help", c.name, o.name)
			}
		}
		seen := make(map[string]bool)
		for _, o := range c.options() {
			if seen[o.name] {
				t.Errorf("%s --%s: twice in completions", c.name, o.name)
			}
			seen[o.name] = true
		}
	}
}

// TestShells has the shells read the completions, where they are.
func TestShells(t *testing.T) {
	for name, text := range map[string]string{"bash": bash(), "zsh": zsh(), "fish": fish()} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue // bash is everywhere; the others are looked at where they are
		}
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(path, "-n", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestBashCompletes presses the tabulator in a real bash.
func TestBashCompletes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "completion")
	if err := os.WriteFile(file, []byte(bash()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "a file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		words []string
		want  []string
	}{
		{[]string{"lighterman", "c"}, []string{"check", "compare", "convert", "completion"}},
		{[]string{"lighterman", "run", "--mod"}, []string{"--mode"}},
		{[]string{"lighterman", "run", "--mode", ""}, []string{"hybrid", "file", "stream"}},
		{[]string{"lighterman", "run", "--mode", "=", "s"}, []string{"stream"}},
		{[]string{"lighterman", "run", "--color", "="}, []string{"auto", "always", "never"}},
		{[]string{"lighterman", "check", "--li"}, []string{"--live", "--listen", "--listen-hosts", "--listen-token-file", "--listen-private", "--listen-unprotected"}},
		{[]string{"lighterman", "run", "--config", "a"}, []string{"a file"}},
		{[]string{"lighterman", "run", "--loki-url", ""}, nil},
		{[]string{"lighterman", "help", "vers"}, []string{"version"}},
		{[]string{"lighterman", "completion", ""}, []string{"bash", "zsh", "fish", "--help"}},
	} {
		script := `. "$0"; compopt() { :; }; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _lighterman; printf '%s\n' "${COMPREPLY[@]}"`
		cmd := exec.Command("bash", append([]string{"-c", script, file}, tt.words...)...)
		cmd.Dir = filepath.Dir(file)
		out, err := cmd.CombinedOutput()
		got := slices.DeleteFunc(strings.Split(string(out), "\n"), func(s string) bool { return s == "" })
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q (%v)", tt.words, got, tt.want, err)
		}
	}
}
