package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layered are the packages whose files, too, use each other downwards only: whoever reads
// one need not have read those that use it.
var layered = []string{"collect", "reader", "stream", "producer"}

// TestFilesOfAPackage: no file uses another that uses it, be it over others.
func TestFilesOfAPackage(t *testing.T) {
	for _, pkg := range layered {
		uses := usesOf(t, pkg)
		if len(uses) < 3 {
			t.Errorf("package %s: only %d files use others: does this test still know how?", pkg, len(uses))
		}
		done := make(map[string]bool)
		var visit func(file string, over []string)
		visit = func(file string, over []string) {
			if at := slices.Index(over, file); at >= 0 {
				t.Errorf("package %s: %s", pkg, strings.Join(append(over[at:], file), " uses "))
				return
			}
			if done[file] {
				return
			}
			for other := range uses[file] {
				visit(other, append(slices.Clone(over), file))
			}
			done[file] = true
		}
		for file := range uses {
			visit(file, nil)
		}
	}
}

// usesOf returns which files of a package use what is declared in which others.
func usesOf(t *testing.T, pkg string) map[string]map[string]bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	// What other packages have is not looked at, so there are errors, which say nothing.
	config := types.Config{Importer: nobody{}, Error: func(error) {}}
	checked, _ := config.Check(pkg, fset, files, info)
	uses := make(map[string]map[string]bool)
	for id, object := range info.Uses {
		field, isVar := object.(*types.Var)
		if object.Pkg() != checked || isVar && !field.IsField() && field.Parent() != checked.Scope() {
			continue
		}
		from, to := filepath.Base(fset.Position(id.Pos()).Filename), filepath.Base(fset.Position(object.Pos()).Filename)
		if from == to {
			continue
		}
		if uses[from] == nil {
			uses[from] = make(map[string]bool)
		}
		uses[from][to] = true
	}
	return uses
}

// nobody imports packages without anything in them.
type nobody struct{}

// Import implements types.Importer.
func (nobody) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}
