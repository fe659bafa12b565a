package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// program is the product, with the types of all that is in it: its packages are read from
// their source and know each other, everything else comes as the compiler has left it.
type program struct {
	fset     *token.FileSet
	packages []*checked
	// bodies are those of the functions that have one, and where they stand.
	bodies map[*types.Func]body
}

// checked is one package.
type checked struct {
	*types.Package
	files []*ast.File
	info  *types.Info
}

// body is a function's, in its package.
type body struct {
	decl *ast.FuncDecl
	pkg  *checked
}

// module is what the names of our packages begin with.
const module = "github.com/lighterman/lighterman/"

// product reads it once for all tests.
var product = sync.OnceValues(readProgram)

// readProduct returns the product.
func readProduct(t *testing.T) *program {
	t.Helper()
	p, err := product()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func readProgram() (*program, error) {
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles", "./cmd/...", "./internal/...")
	list.Dir = "../.."
	var trouble bytes.Buffer
	list.Stderr = &trouble
	out, err := list.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(trouble.String()))
	}
	p := &program{fset: token.NewFileSet(), bodies: make(map[*types.Func]body)}
	exports, ours := make(map[string]string), make(map[string]*types.Package)
	others := importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for each := json.NewDecoder(bytes.NewReader(out)); ; { // in the order in which they need each other
		var listed struct {
			ImportPath, Export, Dir string
			GoFiles                 []string
		}
		if err := each.Decode(&listed); errors.Is(err, io.EOF) {
			return p, nil
		} else if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(listed.ImportPath, module) {
			exports[listed.ImportPath] = listed.Export
			continue
		}
		pkg := &checked{info: &types.Info{
			Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object),
			Selections: make(map[*ast.SelectorExpr]*types.Selection),
		}}
		for _, name := range listed.GoFiles {
			file, err := parser.ParseFile(p.fset, filepath.Join(listed.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			pkg.files = append(pkg.files, file)
		}
		config := types.Config{Importer: either{ours, others}}
		if pkg.Package, err = config.Check(listed.ImportPath, p.fset, pkg.files, pkg.info); err != nil {
			return nil, err
		}
		ours[listed.ImportPath] = pkg.Package
		p.add(pkg)
	}
}

// add takes over a package and its functions.
func (p *program) add(pkg *checked) {
	p.packages = append(p.packages, pkg)
	for _, file := range pkg.files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if object, ok := pkg.info.Defs[f.Name].(*types.Func); ok {
				p.bodies[object] = body{f, pkg}
			}
		}
	}
}

// either imports our packages and those of others.
type either struct {
	ours   map[string]*types.Package
	others types.Importer
}

// Import implements types.Importer.
func (e either) Import(path string) (*types.Package, error) {
	if pkg := e.ours[path]; pkg != nil {
		return pkg, nil
	}
	return e.others.Import(path)
}
