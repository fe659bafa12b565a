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
// arrows run downwards only; agent, which wires, may import everything, and only
// it and the commands may import config. Tests may import more.
var may = map[string][]string{
	"logs":        {},
	"status":      {"logs"},
	"stamp":       {},
	"config":      {"redact", "document", "nearest"},
	"document":    {"nearest"},
	"nearest":     {},
	"redact":      {},
	"docker":      {"sift", "beneath", "logs"},
	"target":      {"logs", "jsonfile", "locallog", "beneath"},
	"jsonfile":    {"logs", "stamp"},
	"locallog":    {"logs"},
	"assemble":    {"logs"},
	"journalfile": {"logs"},
	"journal":     {"logs", "journalfile", "assemble"},
	"hold":        {},
	"tail":        {"beneath", "logs", "jsonfile", "locallog", "assemble", "hold"},
	"plain":       {"beneath", "logs", "assemble"},
	"hostfile":    {"beneath", "logs", "plain", "checkpoint"},
	"output":      {"logs", "checkpoint", "assemble", "stage"},
	"reader":      {"logs", "output", "tail", "plain", "journal", "watch", "checkpoint"},
	"stream":      {"logs", "output", "assemble", "stamp"},
	"collect":     {"logs", "stage", "output", "reader", "plain", "stream", "watch", "tail", "journal", "checkpoint", "hold"},
	"dispatch":    {"logs"},
	"loki":        {"logs", "redact"},
	"console":     {"logs"},
	"checkpoint":  {"logs"},
	"sift":        {},
	"beneath":     {},
	"compare":     {"logs"},
	"agent": {
		"logs", "config", "redact", "beneath", "docker", "target", "journal", "hold", "watch", "tail", "plain", "hostfile", "collect", "dispatch",
		"loki", "console", "checkpoint", "status", "compare", "stage", "nearest",
	},
	"stage":         {"logs", "stage/level", "stage/pattern", "stage/preset", "stage/redact"},
	"stage/level":   {},
	"stage/pattern": {},
	"stage/preset":  {"stage/level"},
	"stage/redact":  {"stage/pattern"},
	"watch":         {},
	"archtest":      {},
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
