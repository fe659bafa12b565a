package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// wantsNewest tells whether the tests are to run on the newest engine.
func wantsNewest(t testing.TB) bool {
	t.Helper()
	const variable = "LIGHTERMAN_TEST_ENGINE"
	switch kind := os.Getenv(variable); kind {
	case "", "installed":
		return false
	case "newest":
		return true
	default:
		t.Fatalf("%s is %q: it can be installed or newest", variable, kind)
		return false
	}
}

// newest returns the options for the newest engine, whose programs are in dir.
// It needs a runc newer than the installed one, and that one, too, is built
// without seccomp.
func (o PrivateOptions) newest(dir string) PrivateOptions {
	o.Dockerd = filepath.Join(dir, "dockerd")
	o.Path = dir
	o.Args = append([]string{"--seccomp-profile", "unconfined"}, o.Args...)
	return o
}

// shared is the newest engine of this process.
var shared struct {
	mu     sync.Mutex // guards engine
	engine *PrivateEngine
}

func sharedNewest(t testing.TB) *Engine {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.engine == nil {
		p := newPrivate(t, PrivateOptions{Newest: true})
		shared.engine = p // also where it does not come up: it is to be removed
		p.Up(t)
		// lighterman and docker, which the tests start, are to find it.
		if err := os.Setenv("DOCKER_HOST", p.Host); err != nil {
			t.Fatal(err)
		}
	}
	return shared.engine.Engine
}

// StopShared removes the engine that Default has started, if it has. Call it at
// the end of TestMain.
func StopShared() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.engine != nil {
		shared.engine.destroy(afterwards{})
		shared.engine = nil
	}
}

// afterwards reports when no test is there any more.
type afterwards struct{}

// Logf implements reporter.
func (afterwards) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Failed implements reporter.
func (afterwards) Failed() bool { return false }
