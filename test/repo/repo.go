package repo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Root returns the directory of the checkout: the nearest one above the
// working directory that holds lighterman's go.mod. Tests run in the directory
// of their package.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the checkout: %w", err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module github.com/lighterman/lighterman\n") {
			return dir, nil
		}
	}
	return "", errors.New("cannot find the checkout: no go.mod of lighterman above the working directory")
}

// Cache returns the directory outside the tree that keeps what takes minutes to
// build. scripts/lib.sh has the same rule.
func Cache() (string, error) {
	if dir := os.Getenv("LIGHTERMAN_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cannot find the cache directory: %w", err)
	}
	return filepath.Join(dir, "lighterman"), nil
}

// builder holds what this process has built.
type builder struct {
	mu   sync.Mutex // guards both fields, and makes every program be built once
	dir  string     // temporary directory of this process; empty until needed
	made map[string]string
}

var built = builder{made: map[string]string{}}

// Build compiles the package pkg ("./cmd/lighterman") with the given arguments
// of go build and returns the path of the program. With cgo false it is
// static. RemoveBuilt removes it.
func Build(pkg string, cgo bool, args ...string) (string, error) {
	built.mu.Lock()
	defer built.mu.Unlock()
	key := strings.Join(append(args, pkg, fmt.Sprint(cgo)), " ")
	if path, ok := built.made[key]; ok {
		return path, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	if built.dir == "" {
		if built.dir, err = os.MkdirTemp("", "lighterman-build-"); err != nil {
			return "", fmt.Errorf("cannot build %q: %w", pkg, err)
		}
	}
	path := filepath.Join(built.dir, fmt.Sprintf("%d-%s", len(built.made), filepath.Base(pkg)))
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, args...), pkg)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if cgo {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build %q: %w\n%s", pkg, err, out)
	}
	built.made[key] = path
	return path, nil
}

// RemoveBuilt removes what Build made. Call it at the end of TestMain.
func RemoveBuilt() {
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	built.dir, built.made = "", map[string]string{}
}
