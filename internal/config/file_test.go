package config

import (
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/document"
)

// refusals are files with everything that is said about them.
var refusals = []struct {
	name, text string
	want       []string
}{
	{"underscore", "\n\nloki_url: x\n", []string{`lm.yaml:3:1: unknown key "loki_url"; did you mean "loki-url"?`}},
	{"misspelt", "mdoe: file\n", []string{`lm.yaml:1:1: unknown key "mdoe"; did you mean "mode"?`}},
	{"case", "Batch_Size: 1MiB\n", []string{`lm.yaml:1:1: unknown key "Batch_Size"; did you mean "batch-size"?`}},
	{"nothing near", "scrape_configs: []\n", []string{`lm.yaml:1:1: unknown key "scrape_configs"; "lighterman run --help" lists what there is`}},
	{"config", "config: other.yaml\n", []string{`lm.yaml:1:1: unknown key "config"; it is only a flag`}},
	{"number as key", "1: x\n", []string{`lm.yaml:1:1: unknown key "1"; "lighterman run --help" lists what there is`}},
	{"list as key", "? [a]\n: b\n", []string{`lm.yaml:1:3: expected a key, found a list`}},
	{"duplicate", "mode: file\nsince: now\nmode: stream\n", []string{`lm.yaml:3:1: duplicate key "mode"; the first is on line 1`}},
	{"list at the top", "- mode: file\n", []string{`lm.yaml:1:1: expected keys and values, such as "mode: hybrid", found a list`}},
	{"text at the top", "hello\n", []string{`lm.yaml:1:1: expected keys and values, such as "mode: hybrid", found a string`}},
	{"second document", "mode: file\n---\nmode: file\n", []string{`lm.yaml:2:1: second document: expected only one`}},
	{"broken second document", "mode: file\n---\na: [\n", []string{`lm.yaml:3:1: cannot parse: did not find expected node content`}},

	{"boolean for URL", "loki-url: true\n", []string{`lm.yaml:1:11: loki-url: expected an http or https URL, such as http://localhost:3100, found a boolean`}},
	{"number for text", "loki-username: 123456\n", []string{`lm.yaml:1:16: loki-username: expected a string, found a number; put it in quotes`}},
	{"boolean for text", "tenant-id: true\n", []string{`lm.yaml:1:12: tenant-id: expected a string, found a boolean; put it in quotes`}},
	{"date for text", "tenant-id: 2026-01-01\n", []string{`lm.yaml:1:12: tenant-id: expected a string, found a date; put it in quotes`}},
	{"nothing", "mode:\n", []string{`lm.yaml:1:6: mode: expected "hybrid", "file" or "stream", found nothing`}},
	{"text for boolean", "tls-insecure-skip-verify: yes\n", []string{`lm.yaml:1:27: tls-insecure-skip-verify: expected true or false, found a string`}},
	{"text for percentage", "file-percent: '10'\n", []string{`lm.yaml:1:15: file-percent: expected a number from 0 to 100, found a string`}},
	{"fraction for percentage", "file-percent: 0.5\n", []string{`lm.yaml:1:15: file-percent: expected a number from 0 to 100, found a number`}},
	{"map for scalar", "mode:\n  a: b\n", []string{`lm.yaml:2:3: mode: expected "hybrid", "file" or "stream", found a map`}},
	{"scalar for list", "include-name: web\n", []string{`lm.yaml:1:15: include-name: expected a list of patterns, found a string`}},
	{"list for map", "external-label: [a]\n", []string{`lm.yaml:1:17: external-label: expected a map of label names to values, found a list`}},
	{"number in list", "include-name:\n  - web\n  - 7\n", []string{`lm.yaml:3:5: include-name[1]: expected a string, found a number; put it in quotes`}},
	{"list in list", "include-name: [[a]]\n", []string{`lm.yaml:1:16: include-name[0]: expected a string, found a list`}},
	{"number in map", "external-label:\n  shard: 1\n", []string{`lm.yaml:2:10: external-label.shard: expected a string, found a number; put it in quotes`}},
	{"list as label", "external-label:\n  ? [a]\n  : b\n", []string{`lm.yaml:2:5: external-label: expected a key, found a list`}},
	{"equals sign in label", "external-label: {a=b: c}\n", []string{`lm.yaml:1:18: external-label: invalid label name "a=b"`}},
	{"label twice", "external-label:\n  a: b\n  a: c\n", []string{`lm.yaml:3:3: external-label: duplicate key "a"; the first is on line 2`}},

	{"anchor", "mode: &m file\n", []string{`lm.yaml:1:7: mode: anchors are not supported; put text that begins with & in quotes`}},
	{"anchor and alias", "tenant-id: &x a\nhost-label: *x\n", []string{
		`lm.yaml:1:12: tenant-id: anchors are not supported; put text that begins with & in quotes`,
		`lm.yaml:2:13: host-label: aliases are not supported; put text that begins with * in quotes`}},
	{"unknown alias", "mode: file\nhost-label: *x\n", []string{`lm.yaml:2:13: aliases are not supported; put text that begins with * in quotes`}},
	{"merge", "<<: {mode: file}\n", []string{`lm.yaml:1:1: merge keys are not supported`}},
	{"tag", "mode: !!str file\n", []string{`lm.yaml:1:7: mode: tags are not supported; put text that begins with ! in quotes`}},
	{"tag at the top", "!x\nmode: file\n", []string{`lm.yaml:1:1: tags are not supported; put text that begins with ! in quotes`}},

	{"open list", "a: b\ninclude-name: [b\nc: d\n", []string{`lm.yaml:2:1: cannot parse: did not find expected ',' or ']'`}},
	{"open quote", "mode: file\nhost-label: 'x\n", []string{`lm.yaml:2:1: cannot parse: found unexpected end of stream`}},
	{"tab", "include-name:\n\t- a\n", []string{`lm.yaml:2:2: cannot parse: found character that cannot start any token`}},
	{"no colon", "mode: file\nsince\n", []string{`lm.yaml:2:1: cannot parse: could not find expected ':'`}},
	{"colon in value", "mode: a: b\n", []string{`lm.yaml:1:1: cannot parse: mapping values are not allowed in this context`}},
	{"control character", "mode: file\nhost-label: a\x01\n", []string{`lm.yaml:2:14: expected text, found the control character U+0001`}},
	{"latin-1", "host-label: \xfcber\n", []string{`lm.yaml:1:13: expected UTF-8, found other bytes`}},
	{"line break in value", "tenant-id: |\n  a\n", []string{`lm.yaml:1:12: tenant-id: must not contain the control character U+000A`}},

	{"user in URL", "loki-url: http://me:hunter2@loki\n", []string{`lm.yaml:1:11: loki-url: the URL must not hold a user or a password; use --loki-username and --loki-password-file`}},
	{"both passwords", "loki-username: me\nloki-password: a\nloki-password-file: b\n", []string{
		`loki-password (lm.yaml:2) and loki-password-file (lm.yaml:3) exclude each other: expected one of them`}},
	{"basic and bearer", "loki-username: '1'\nloki-bearer-token-file: b\n", []string{
		`loki-username (lm.yaml:1) and loki-bearer-token-file (lm.yaml:2) exclude each other: expected one of them`}},
	{"password without user", "loki-password-file: b\n", []string{`loki-password-file (lm.yaml:1) needs loki-username`}},
	{"refused user", "loki-username: 1\nloki-password-file: b\n", []string{`lm.yaml:1:16: loki-username: expected a string, found a number; put it in quotes`}},
	{"key without certificate", "tls-key-file: k\n", []string{`tls-key-file (lm.yaml:1) needs tls-cert-file`}},
	{"stream without engine", "docker-host: none\nmode: stream\nfile-percent: 10\n", []string{
		`docker-host (lm.yaml:1) is none: expected hybrid or file for mode (lm.yaml:2)`,
		`docker-host (lm.yaml:1) is none, and there is no other way for the containers that file-percent (lm.yaml:3) leaves out: expected 100`}},
	{"little memory", "max-memory: 1MiB\nmax-line-bytes: 2MiB\n", []string{`max-memory (lm.yaml:1) is less than max-line-bytes (lm.yaml:2): expected at least 2MiB`}},
}

func TestRefusedFiles(t *testing.T) {
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadFile(t, tt.text)
			wantErr(t, err, tt.want...)
		})
	}
}

func TestHugeAndDeepFiles(t *testing.T) {
	_, err := loadFile(t, strings.Repeat("# filler\n", document.MaxSize/8))
	wantErr(t, err, "lm.yaml: larger than 1 MiB: expected a configuration")
	_, err = loadFile(t, "mode: "+strings.Repeat("[", 500)+strings.Repeat("]", 500)+"\n")
	wantErr(t, err, `lm.yaml:1:7: mode: expected "hybrid", "file" or "stream", found a list`)
	_, err = loadFile(t, "mode: "+strings.Repeat("[", 20_000)+"\n")
	wantErr(t, err, "lm.yaml:1:1: cannot parse: exceeded max depth of 10000")
}

func TestManyProblems(t *testing.T) {
	_, err := loadFile(t, "include-name:\n"+strings.Repeat("  - 1\n", 1000))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != mostProblems+1 || lines[mostProblems] != "and 900 more problems" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, text := range []string{"", "\n", "# only a comment\n", "---\n", "{}\n", "\ufeff", "--- {}\n...\n"} {
		if _, err := loadFile(t, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
