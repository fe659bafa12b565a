package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/test/carrier"
)

// TestJournalDoc: the examples are configurations that lighterman takes, and the tables have
// every key and every priority.
func TestJournalDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/journal.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := yamlFence.FindAllStringSubmatch(string(text), -1)
	if len(examples) < 2 {
		t.Fatalf("only %d examples", len(examples))
	}
	for _, m := range examples {
		file := filepath.Join(t.TempDir(), "lm.yaml")
		if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, said, code := carrier.Run(t, "check", "--config", file, "--docker-host", "none"); code == 2 {
			t.Errorf("%s%s\n%s", out, said, m[1])
		}
	}
	for _, key := range append([]string{"name", "matches", "max-age", "containers", "labels", "relabel_configs", "stages", "unit", "identifier", "priority", "boot"}, config.Priorities...) {
		if !strings.Contains(string(text), "`"+key+"`") {
			t.Errorf("the document does not have %s", key)
		}
	}
}
