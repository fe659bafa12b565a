package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/repo"
)

// The labels of what the tests make. The value of ownerLabel is the ID of the
// test process.
const (
	ownerLabel = "lighterman.test.owner"
	imageLabel = "lighterman.test.image"
)

// Engine is a Docker Engine under test.
type Engine struct {
	// Host is what DOCKER_HOST would be.
	Host string
	// API is the engine's client, for what this package does not offer.
	API *client.Client
	// Newest tells that it is the newest engine, built from its module. It cannot
	// read journald back, and so keeps a cache for that driver.
	Newest bool

	mu    sync.Mutex // guards the fields below
	image string     // imported image; empty until needed
	count int        // containers made, for their names
}

var (
	defaultOnce   sync.Once
	defaultEngine *Engine
	errDefault    error
)

// Default returns the engine that DOCKER_HOST names, or the one on the default
// socket; with LIGHTERMAN_TEST_ENGINE=newest a newest one of this process, which
// DOCKER_HOST names from then on. It is the same for all tests of the process,
// which calls StopShared in the end.
func Default(t testing.TB) *Engine {
	t.Helper()
	if wantsNewest(t) {
		return sharedNewest(t)
	}
	need.Engine(t)
	defaultOnce.Do(func() {
		api, err := client.New(client.FromEnv)
		if err != nil {
			errDefault = err
			return
		}
		defaultEngine = &Engine{Host: api.DaemonHost(), API: api}
		errDefault = defaultEngine.sweep()
	})
	if errDefault != nil {
		t.Fatalf("cannot use the engine: %v", errDefault)
	}
	return defaultEngine
}

// Root returns the engine's data directory.
func (e *Engine) Root(t testing.TB) string {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	info, err := e.API.Info(ctx, client.InfoOptions{})
	if err != nil {
		t.Fatalf("cannot ask the engine for its data directory: %v", err)
	}
	return info.Info.DockerRootDir
}

// limit bounds one call. Calls are made in cleanups too, where t.Context() has
// ended.
func limit() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 3*time.Minute)
}

// Image returns the name of the image with logwriter, which is imported if the
// engine does not have it. The name holds the hash of the program, so an image
// is never out of date and can be kept; `make clean` removes it.
func (e *Engine) Image(t testing.TB) string {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.image != "" {
		return e.image
	}
	path, err := repo.Build("./test/logwriter", false, "-trimpath", "-buildvcs=false", "-ldflags=-s -w")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("lighterman-test/logwriter:%x", sha256.Sum256(program))[:50]
	if err := e.importImage(name, program); err != nil {
		t.Fatalf("cannot import %q: %v", name, err)
	}
	e.image = name
	return name
}

func (e *Engine) importImage(name string, program []byte) error {
	ctx, cancel := limit()
	defer cancel()
	if _, err := e.API.ImageInspect(ctx, name); err == nil {
		return nil
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "logwriter", Mode: 0o755, Size: int64(len(program))}); err != nil {
		return err
	}
	if _, err := w.Write(program); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	answer, err := e.API.ImageImport(ctx, client.ImageImportSource{Source: &archive, SourceName: "-"}, name, client.ImageImportOptions{
		Changes: []string{`ENTRYPOINT ["/logwriter"]`, "LABEL " + imageLabel + "=1"},
	})
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	if _, err := io.Copy(io.Discard, answer); err != nil {
		return err
	}
	_, err = e.API.ImageInspect(ctx, name)
	return err
}

// sweep removes the containers of test processes that are no more.
func (e *Engine) sweep() error {
	ctx, cancel := limit()
	defer cancel()
	list, err := e.API.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", ownerLabel),
	})
	if err != nil {
		return err
	}
	for _, c := range list.Items {
		if alive(c.Labels[ownerLabel]) {
			continue
		}
		// Another test process may be sweeping too: an error is no matter.
		_, _ = e.API.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true})
	}
	return nil
}

// alive tells whether the process with this ID exists.
func alive(pid string) bool {
	n, err := strconv.Atoi(pid)
	return err == nil && n > 0 && syscall.Kill(n, 0) != syscall.ESRCH
}
