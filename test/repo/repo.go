package repo

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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
	mu   sync.Mutex // guards the fields, and makes every program be built once
	dir  string     // empty until needed
	made map[string]string
}

var built = builder{made: map[string]string{}}

// Build compiles the package pkg ("./cmd/lighterman") with the given arguments
// of go build and returns the path of the program. With cgo false it is
// static. RemoveBuilt removes it.
//
// Where LIGHTERMAN_BUILT names a directory, as in scripts/test, programs are built into it
// once for all test processes, and whoever has made it removes it.
func Build(pkg string, cgo bool, args ...string) (string, error) {
	built.mu.Lock()
	defer built.mu.Unlock()
	key := strings.Join(append(args, pkg, fmt.Sprint(cgo)), " ")
	if path, ok := built.made[key]; ok {
		return path, nil
	}
	path, err := built.build(key, pkg, cgo, args)
	if err != nil {
		return "", fmt.Errorf("cannot build %q: %w", pkg, err)
	}
	built.made[key] = path
	return path, nil
}

func (b *builder) build(key, pkg string, cgo bool, args []string) (string, error) {
	shared := os.Getenv("LIGHTERMAN_BUILT")
	if shared == "" && b.dir == "" {
		var err error
		if b.dir, err = os.MkdirTemp("", "lighterman-build-"); err != nil {
			return "", err
		}
	}
	name := fmt.Sprintf("%x-%s", sha256.Sum256([]byte(key)), filepath.Base(pkg))[56:]
	path := filepath.Join(cmp.Or(shared, b.dir), name)
	if shared == "" {
		return path, compile(path, pkg, cgo, args)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }() // and with it the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	// Renamed when it is whole: a build that is killed leaves nothing that looks like one.
	if err := compile(path+".new", pkg, cgo, args); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}

func compile(path, pkg string, cgo bool, args []string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, args...), pkg)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if cgo {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// RemoveBuilt removes what Build made for this process alone. Call it at the end of TestMain.
func RemoveBuilt() {
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	built.dir, built.made = "", map[string]string{}
}
