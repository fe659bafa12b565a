package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// levels are the methods of slog.Logger whose message this test reads, and where among
// their arguments it stands.
var levels = map[string]int{"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "Log": 2}

// houseWords are those of the code, which an operator would stumble on.
var houseWords = regexp.MustCompile(`\b(tells?|told|mended|settled|spent|lull|learn of|are known|go on|going on|sink)\b`)

// TestP10Messages: a log message is a constant in plain English, begins in lower case and
// has no full stop; data is in attributes. One message belongs to one event.
func TestP10Messages(t *testing.T) {
	places := make(map[string][]string)
	for file, parsed := range sources(t) {
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !isLogger(method.X) {
				return true
			}
			at, ok := levels[method.Sel.Name]
			if !ok || len(call.Args) <= at {
				return true
			}
			text, ok := constant(call.Args[at])
			if !ok {
				t.Errorf("%s: a message of %s is no constant", file, method.Sel.Name)
				return true
			}
			places[text] = append(places[text], file)
			return true
		})
	}
	if len(places) < 30 {
		t.Fatalf("only %d messages found: does this test still know how they are logged?", len(places))
	}
	for text, files := range places {
		word, _, _ := strings.Cut(text, " ")
		switch {
		case text == "" || text != strings.TrimSpace(text) || strings.HasSuffix(text, "."):
			t.Errorf("%v: message %q", files, text)
		case unicode.IsUpper([]rune(word)[0]) && word != strings.ToUpper(word) && word != "Docker" && word != "Loki":
			t.Errorf("%v: message %q begins in upper case", files, text)
		case houseWords.MatchString(text):
			t.Errorf("%v: message %q has the word %q", files, text, houseWords.FindString(text))
		}
		slices.Sort(files)
		if len(slices.Compact(files)) > 1 {
			t.Errorf("%v: message %q is logged in several places", files, text)
		}
	}
}

// isLogger reports whether an expression is called like a logger: log, u.log, d.config.Log.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.EqualFold(x.Name, "log")
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "log")
	}
	return false
}

// constant returns the text of string literals added to each other.
func constant(x ast.Expr) (string, bool) {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(x.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		a, okA := constant(x.X)
		b, okB := constant(x.Y)
		return a + b, okA && okB
	}
	return "", false
}

// sources are all files of the product, without tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	out := make(map[string]*ast.File)
	for _, root := range []string{"../../cmd", "../../internal"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			out[path] = parsed
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}
