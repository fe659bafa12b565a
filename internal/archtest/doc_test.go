package archtest

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// longest is how long ARCHITECTURE.md may be, in bytes: what does not fit belongs to a
// package's doc.go or to docs/decisions.md.
const longest = 9 << 10

var (
	named = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]*)(\u2026?)`")
	ours  = regexp.MustCompile("`([a-z/]+)`")
)

// filed is a file below internal.
var filed = regexp.MustCompile("`((?:[a-z]+/)+[a-z_]+\\.go)`")

// TestArchitecture: the document is short, has every package, and the tests that it names
// are there.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > longest {
		t.Errorf("ARCHITECTURE.md has %d bytes, which is more than %d", len(text), longest)
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		if cell, found := strings.CutPrefix(line, "| "); found {
			first, _, _ := strings.Cut(cell, "|")
			for _, m := range ours.FindAllStringSubmatch(first, -1) {
				rows = append(rows, m[1])
			}
		}
	}
	for _, pkg := range packages(t) {
		if pkg != "archtest" && !slices.Contains(rows, pkg) {
			t.Errorf("ARCHITECTURE.md does not say what package %s is", pkg)
		}
	}
	for _, m := range filed.FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat("../" + m[1]); err != nil {
			t.Errorf("ARCHITECTURE.md names %s, which is not there", m[1])
		}
	}
	out, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func (Test|Fuzz)\w+`, "../..").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range named.FindAllStringSubmatch(string(text), -1) {
		if end := map[bool]string{true: "", false: "\n"}[m[2] != ""]; !strings.Contains(string(out), "func "+m[1]+end) {
			t.Errorf("ARCHITECTURE.md names %s, which is not there", m[1])
		}
	}
}
