package config

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the reference documentation")

const referenceFile = "../../docs/configuration.md"

// TestReference holds docs/configuration.md to the table of settings. With
// -update it writes the file.
func TestReference(t *testing.T) {
	want := []byte(reference())
	if *update {
		if err := os.MkdirAll(filepath.Dir(referenceFile), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(referenceFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/configuration.md is stale: run go test ./internal/config -run Reference -update")
	}
}

// TestExampleLoads loads the example of the reference as it is, and with each
// line that is commented out brought in, together with what it needs.
func TestExampleLoads(t *testing.T) {
	if _, err := loadFile(t, exampleYAML()); err != nil {
		t.Fatal(err)
	}
	partner := map[string]string{"loki-password": "loki-username", "loki-password-file": "loki-username",
		"tls-cert-file": "tls-key-file", "tls-key-file": "tls-cert-file", "shadow-tenant": "loki-url"}
	for _, s := range settings {
		if s.name == configFile {
			continue
		}
		if _, err := loadFile(t, bringIn(exampleYAML(), s.name, partner[s.name])); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
	for _, s := range sections {
		if _, err := loadFile(t, s.example); err != nil || !strings.HasSuffix(s.help, ".") {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// bringIn removes the comment sign from settings, which is not followed by a
// space where it hides a setting.
func bringIn(yaml string, names ...string) string {
	for _, name := range names {
		block := regexp.MustCompile(`(?m)^#` + name + `:.*\n(?:#  .*\n)*`)
		yaml = block.ReplaceAllStringFunc(yaml, func(s string) string {
			return regexp.MustCompile(`(?m)^#`).ReplaceAllString(s, "")
		})
	}
	return yaml
}

// TestTableIsComplete holds every setting to what the reference needs of it.
func TestTableIsComplete(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range settings {
		if seen[s.name] {
			t.Errorf("%s is in the table twice", s.name)
		}
		seen[s.name] = true
		if (s.def == "") == (s.auto == "") || s.example == "" && s.def == "" || !strings.HasSuffix(s.help, ".") || s.group == "" {
			t.Errorf("%s: default, example, help or section is missing", s.name)
		}
		for _, value := range []string{s.def, s.example} {
			if value != "" && s.store([]string{value})[0] != nil {
				t.Errorf("%s does not take its own %q", s.name, value)
			}
		}
	}
}

func TestHelpFits(t *testing.T) {
	help := Help()
	for line := range strings.SplitSeq(help, "\n") {
		if len(line) > 80 {
			t.Errorf("line is too long: %q", line)
		}
	}
	for _, s := range settings {
		if !strings.Contains(help, "  --"+s.name) {
			t.Errorf("help lacks --%s", s.name)
		}
	}
}

const referenceIntro = `# Configuration

<!-- Generated from the table of settings: go test ./internal/config -run Reference -update -->

Every setting has one name, and three places to be set in:

| Where | Spelling | Wins over |
|---|---|---|
| Flag | ` + "`--batch-wait 1s` or `--batch-wait=1s`" + ` | everything else |
| Environment | ` + "`LIGHTERMAN_BATCH_WAIT=1s`" + ` | file and default |
| YAML file | ` + "`batch-wait: 1s`" + ` | default |

The file is named by ` + "`--config FILE` or `LIGHTERMAN_CONFIG`" + `. ` + "`lighterman check`" + ` takes the same flags
as ` + "`lighterman run`" + `, reports everything that is wrong at once, or prints the effective
configuration with the origin of every value. Its output is a valid file.

Nothing is guessed: an unknown key, flag or ` + "`LIGHTERMAN_`" + ` variable, a value of the wrong type
and a key that is set twice are refused with the place and the nearest known name.

* **Lists and maps**: repeat the flag; separate by commas in the environment; write a YAML list
  or map in the file. A pattern that contains a comma cannot be given in the environment. A
  source that sets a list replaces the list of a weaker source.
* **Empty**: an empty text, as in ` + "`--loki-url=`" + `, means the default. An empty variable counts as
  not set.
* **Durations**: ` + "`200ms`, `10s`, `1h30m`" + `, and days and weeks in front: ` + "`7d`, `2w`, `1w2d12h`" + `.
* **Sizes**: bytes, or with ` + "`KiB`, `MiB`, `GiB` (powers of 1024) or `kB`, `MB`, `GB`" + ` (powers of 1000).
* **Texts that look like something else** need quotes in the file: ` + "`loki-username: \"123456\"`" + `.
* **Secrets**: prefer the setting that names a file. A flag can be seen by every user of the
  machine. Secrets are never printed.
* **Together**: basic authentication and a bearer token exclude each other, and so do a secret and
  its file. A password needs a user name, a client certificate its key. ` + "`max-memory`" + ` holds at least
  one batch and one line of the greatest length.
`

const sectionsIntro = `
## Labels and stages

What does not fit into a flag or a variable is set in the file only, in sections. A problem
names the place and the path of what is wrong, as ` + "`relabel_configs[2].regex`" + `, counted from 0.
Anchors, aliases, tags and merge keys are not supported anywhere in the file. Keys that come from
Prometheus and Promtail have their names there, and take numbers and booleans as texts, as there.
`

// reference writes docs/configuration.md.
func reference() string {
	var b strings.Builder
	b.WriteString(referenceIntro)
	section := ""
	for _, s := range settings {
		if s.group != section {
			section = s.group
			fmt.Fprintf(&b, "\n## %s\n\n| Setting | Value | Default | Meaning |\n|---|---|---|---|\n", section)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, valueCell(s), defaultCell(s), strings.ReplaceAll(s.help, "|", `\|`))
	}
	b.WriteString(sectionsIntro)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s", s.name, s.help)
		fmt.Fprintf(&b, " Default: %s.\n", s.def)
		fmt.Fprintf(&b, "\n```yaml\n%s```\n", s.example)
	}
	b.WriteString("\n## Example\n\nEvery key with its default; keys without one are commented out and show an example.\n\n```yaml\n")
	b.WriteString(exampleYAML())
	b.WriteString("```\n")
	return b.String()
}

func valueCell(s *setting) string {
	if s.word == "choice" {
		return "`" + strings.ReplaceAll(s.placeholder, "|", "`, `") + "`"
	}
	return s.word
}

func defaultCell(s *setting) string {
	if s.def != "" {
		return "`" + s.def + "`"
	}
	return s.auto
}

// exampleYAML writes a file with every key.
func exampleYAML() string {
	var b strings.Builder
	for _, s := range settings {
		if s.name == configFile {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		var help strings.Builder
		wrap(&help, s.help, "# ", 90)
		b.WriteString(help.String() + exampleSetting(s))
	}
	return b.String()
}

func exampleSetting(s *setting) string {
	lines := field(s.name, (&setting{row: s.row, texts: []string{cmp.Or(s.def, s.example)}}).node())
	lead := "#"
	if s.def != "" {
		lead = ""
	}
	return strings.Join(indented(lead, lead, lines), "\n") + "\n"
}
