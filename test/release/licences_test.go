package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/test/repo"
)

// TestLicences: every module in the binary has an allowed licence, and stands in
// docs/licences.md.
func TestLicences(t *testing.T) {
	t.Parallel()
	binary, err := repo.Build("./cmd/lighterman", false)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", "./cmd/licences", binary, root(t))
	cmd.Dir = filepath.Join(root(t), "packaging")
	var problems strings.Builder
	cmd.Stderr = &problems
	list, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problems.String())
	}
	file := filepath.Join(root(t), "docs", "licences.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "| module | licence |\n")
	at := strings.Index(rest, "\n\n")
	if !found || at < 0 {
		t.Fatalf("docs/licences.md has no table")
	}
	want := before + string(list) + rest[at+1:]
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("docs/licences.md is stale: run go test -run Licences ./test/release -update")
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
