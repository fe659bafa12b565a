package archtest

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// may lists, for each internal package, what it may import of the others. The
// arrows run downwards only. Only agent, which wires, what makes parts after a
// configuration, and the commands' own packages may import config. Tests may import more.
var may = map[string][]string{
	"logs":        {},
	"status":      {"logs", "access", "status/history"},
	"access":      {"document"},
	"stamp":       {},
	"config":      {"redact", "document", "nearest"},
	"document":    {"nearest"},
	"nearest":     {},
	"redact":      {},
	"docker":      {"sift", "beneath", "logs"},
	"target":      {"logs", "owner", "jsonfile", "locallog", "beneath"},
	"owner":       {"logs", "nearest", "stage"},
	"jsonfile":    {"logs", "stamp"},
	"locallog":    {"logs"},
	"assemble":    {"logs"},
	"journalfile": {"logs"},
	"journal":     {"logs", "journalfile", "assemble"},
	"hold":        {},
	"tail":        {"beneath", "logs", "jsonfile", "locallog", "assemble", "hold"},
	"plain":       {"beneath", "logs", "assemble"},
	"hostfile":    {"beneath", "logs", "plain", "checkpoint"},
	"producer":    {"logs", "checkpoint", "assemble", "stage"},
	"reader":      {"logs", "producer", "tail", "plain", "journal", "watch", "checkpoint"},
	"stream":      {"logs", "producer", "assemble", "stamp"},
	"collect":     {"logs", "stage", "producer", "reader", "plain", "stream", "watch", "tail", "journal", "checkpoint", "hold"},
	"dispatch":    {"logs"},
	"loki":        {"logs", "redact"},
	"lokiquery":   {"loki"},
	"otlp":        {"logs", "loki", "redact", "stage/level"},
	"diff":        {"lokiquery"},
	"audit":       {"logs", "lokiquery"},
	"rehearsal":   {"logs", "assemble", "stage", "jsonfile", "locallog", "console"},
	"console":     {"logs", "stage/level"},
	"checkpoint":  {"logs"},
	"suggest":     {"logs", "document", "stage", "stage/level", "stage/preset", "stage/redact"},
	"sift":        {},
	"beneath":     {},
	"compare":     {"logs"},
	"convert":     {"document", "stage", "nearest", "logs", "tail", "plain"},
	"ruleset":     {"checkpoint", "config", "logs", "nearest", "producer", "stage", "target"},
	"budget":      {"config", "tail"},
	"endpoint":    {"config", "diff", "dispatch", "logs", "loki", "lokiquery", "otlp", "redact"},
	"host": {
		"beneath", "checkpoint", "collect", "config", "docker", "hold", "hostfile", "journal", "logs", "owner", "plain", "ruleset", "stage",
		"status", "target", "watch",
	},
	"exposure": {"access", "config", "status"},
	"preflight": {
		"budget", "checkpoint", "config", "docker", "endpoint", "exposure", "hold", "host", "logs", "rehearsal", "ruleset", "stage", "target",
	},
	"scan":     {"assemble", "config", "docker", "host", "journal", "logs", "nearest", "stream", "tail", "target"},
	"try":      {"config", "console", "host", "logs", "rehearsal", "ruleset", "scan", "stage", "target"},
	"sample":   {"beneath", "config", "logs", "producer", "rehearsal", "ruleset", "scan", "stage", "stage/level", "suggest", "target"},
	"examine":  {"checkpoint", "config", "endpoint", "host", "logs", "lokiquery", "nearest", "producer", "ruleset", "scan", "stage", "target"},
	"verify":   {"audit", "config", "examine", "host", "logs", "plain", "producer", "scan", "status"},
	"why":      {"audit", "examine", "logs", "lokiquery", "producer", "status"},
	"resend":   {"assemble", "audit", "checkpoint", "dispatch", "endpoint", "examine", "logs", "producer", "ruleset", "scan", "target"},
	"pipeline": {"budget", "checkpoint", "collect", "config", "dispatch", "hold", "host", "journal", "logs", "stage", "target", "watch"},
	"trial":    {"budget", "checkpoint", "compare", "config", "host", "journal", "logs", "pipeline", "tail", "target", "watch"},
	"viewer":   {"config", "console", "dispatch", "logs", "pipeline", "tail", "target"},
	"systemd":  {},
	"agent": {
		"budget", "checkpoint", "collect", "config", "console", "dispatch", "document", "endpoint", "examine", "exposure", "hold", "host", "logs",
		"loki", "pipeline", "ruleset", "status", "status/history", "status/page", "status/tap", "systemd", "verify", "viewer", "watch",
	},
	"stage":          {"logs", "stage/level", "stage/pattern", "stage/preset", "stage/redact"},
	"stage/level":    {},
	"stage/pattern":  {},
	"stage/preset":   {"stage/level"},
	"stage/redact":   {"stage/pattern"},
	"status/history": {},
	"status/page":    {"status", "status/history", "status/tap", "console"},
	"status/tap":     {"logs"},
	"watch":          {},
	"archtest":       {},
}

const internal = "github.com/lighterman/lighterman/internal/"

func TestImports(t *testing.T) {
	for _, pkg := range packages(t) {
		allowed, ok := may[pkg]
		if !ok {
			t.Errorf("package %s is not in the table", pkg)
			continue
		}
		files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range parsed.Imports {
				name, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), internal)
				if ours && !slices.Contains(allowed, name) {
					t.Errorf("%s imports %s; package %s may import %v", filepath.Base(file), name, pkg, allowed)
				}
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	for _, pkg := range packages(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", pkg, "doc.go"), nil, parser.ParseComments)
		if err != nil {
			t.Errorf("package %s has no doc.go: %v", pkg, err)
		} else if !strings.HasPrefix(parsed.Doc.Text(), "Package "+filepath.Base(pkg)+" ") {
			t.Errorf("doc.go of package %s has no package comment", pkg)
		}
	}
}

// packages lists the directories below internal that hold Go code.
func packages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob("../*/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range append(files, deeper...) {
		name, err := filepath.Rel("..", filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(names, name) && !strings.Contains(name, "testdata") {
			names = append(names, name)
		}
	}
	return names
}
