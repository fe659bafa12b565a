package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/lighterman/lighterman/test/repo"
)

// listed is a package as `go list -json` tells of it.
type listed struct {
	ImportPath, Dir  string
	GoFiles, Imports []string
}

const (
	module = "github.com/lighterman/lighterman/"
	// root is where counting begins.
	root = module + "cmd/lighterman"
)

// without lists the packages that a mode does not need by itself. What only they
// import falls away with them.
var without = map[string][]string{
	"stream": {"tail", "jsonfile", "locallog", "hold", "journal", "journalfile"},
	"file":   {"stream"},
	"hybrid": nil,
}

// countCode returns the lines of code, without empty lines and comments, of the
// packages of this module that the program would have if it had only one mode.
func countCode(ctx context.Context) (map[string]int, error) {
	dir, err := repo.Root()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,Imports", "./cmd/lighterman")
	cmd.Dir = dir
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot list packages: %w", err)
	}
	packages := make(map[string]listed)
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("cannot list packages: %w", err)
		}
		if strings.HasPrefix(p.ImportPath, module) {
			packages[p.ImportPath] = p
		}
	}
	out := make(map[string]int)
	for mode, left := range without {
		reached := make(map[string]bool)
		for _, name := range left {
			reached[module+"internal/"+name] = true // not gone into
		}
		if out[mode], err = countFrom(root, packages, reached); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// countFrom counts a package and what it imports, each once.
func countFrom(path string, packages map[string]listed, reached map[string]bool) (n int, err error) {
	p, ours := packages[path]
	if !ours || reached[path] {
		return 0, nil
	}
	reached[path] = true
	for _, file := range p.GoFiles {
		text, err := os.ReadFile(filepath.Join(p.Dir, file))
		if err != nil {
			return 0, fmt.Errorf("cannot count code: %w", err)
		}
		n += codeLines(string(text))
	}
	for _, imported := range p.Imports {
		more, err := countFrom(imported, packages, reached)
		if err != nil {
			return 0, err
		}
		n += more
	}
	return n, nil
}

// codeLines counts the lines that are neither empty nor only a comment. There are
// no block comments in this module.
func codeLines(text string) (n int) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}
