package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestVersions: what docs/install.md says lighterman is tried with is what the tests have: the
// newest engine and Loki, which are built from their modules.
func TestVersions(t *testing.T) {
	text, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct{ file, module, before, after string }{
		{"../newest/go.mod", "github.com/moby/moby/v2", "Moby v", " with API "},
		{"../newest/go.mod", "github.com/moby/moby/api", "API ", ", which is"},
		{"../loki/go.mod", "github.com/grafana/loki/v3", "", " (`make test`)"},
	} {
		mod, err := os.ReadFile(part.file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(part.module) + ` v(\S+)`).FindSubmatch(mod)
		if found == nil {
			t.Fatalf("%s does not require %s", part.file, part.module)
		}
		// Of a version that is no test version the last number is of no matter here.
		version := regexp.MustCompile(`^(\d+\.\d+)\.\d+$`).ReplaceAllString(string(found[1]), "$1")
		if want := part.before + version + part.after; !strings.Contains(string(text), want) {
			t.Errorf("docs/install.md does not say %q of %s", want, part.module)
		}
	}
}
