package main

import (
	"context"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/wait"
)

// held is what this process holds.
type held struct{ goroutines, fds int }

func holds(t testing.TB) held {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return held{runtime.NumGoroutine(), len(fds) - 1}
}

// since is what has come on top of it.
func (h held) since(t testing.TB) held {
	t.Helper()
	now := holds(t)
	return held{now.goroutines - h.goroutines, now.fds - h.fds}
}

const inspections = 50

func inspect(t testing.TB, api *client.Client, c *engine.Container) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := api.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{}); err != nil {
		t.Fatal(err)
	}
}

func socketOf(e *engine.Engine) string { return strings.TrimPrefix(e.Host, "unix://") }

// TestThrowAwayClientsLeak is the true cause of the old leak, and its cure: each
// client that is dropped leaves a connection and its two goroutines behind; one
// client for all leaves one.
func TestThrowAwayClientsLeak(t *testing.T) {
	docker := engine.Default(t)
	c := docker.Create(t, engine.Spec{Name: "inspected"})
	before := holds(t)
	kept := make([]*client.Client, 0, inspections)
	for range inspections {
		api, err := newClient(socketOf(docker))
		if err != nil {
			t.Fatal(err)
		}
		inspect(t, api, c)
		kept = append(kept, api)
	}
	leaked := before.since(t)
	t.Logf("%d inspections, each with a new client: %+d goroutines, %+d descriptors", inspections, leaked.goroutines, leaked.fds)
	if leaked.goroutines < 2*inspections || leaked.fds < inspections {
		t.Errorf("new clients leave %+v behind, want at least %d goroutines and %d descriptors", leaked, 2*inspections, inspections)
	}
	// Closing them is all that they needed.
	for _, api := range kept {
		_ = api.Close()
	}
	if !wait.Until(time.Minute, func() bool { now := before.since(t); return now.goroutines <= 0 && now.fds <= 0 }) {
		t.Errorf("after closing them %+v is left", before.since(t))
	}

	shared, err := newClient(socketOf(docker))
	if err != nil {
		t.Fatal(err)
	}
	for range inspections {
		inspect(t, shared, c)
	}
	one := before.since(t)
	t.Logf("%d inspections with one client: %+d goroutines, %+d descriptors", inspections, one.goroutines, one.fds)
	if one.goroutines > 2 || one.fds > 1 {
		t.Errorf("one client holds %+v, want at most 2 goroutines and 1 descriptor", one)
	}
	_ = shared.Close()
}

// TestBlockedReadsEnd is what was taken for the cause: 50 reads that wait for a
// silent container end when their context does, and leave nothing behind.
func TestBlockedReadsEnd(t *testing.T) {
	const reads = 50
	docker := engine.Default(t)
	c := docker.Start(t, engine.Spec{Name: "silent", Args: []string{"-linger"}})
	api, err := newClient(socketOf(docker))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = api.Close() }()
	for _, end := range []string{"context", "close"} {
		before := holds(t)
		ctx, cancel := context.WithCancel(t.Context())
		bodies := make([]io.Closer, 0, reads)
		var blocked sync.WaitGroup
		for range reads {
			body, err := api.ContainerLogs(ctx, c.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, body)
			blocked.Go(func() { _, _ = io.Copy(io.Discard, body) })
		}
		during := before.since(t)
		if during.goroutines < reads || during.fds < reads {
			t.Errorf("%d reads hold %+v only: they do not wait", reads, during)
		}
		began := time.Now()
		if end == "context" {
			cancel()
		}
		for _, body := range bodies {
			if end == "close" {
				_ = body.Close()
			}
		}
		blocked.Wait() // for ever, if they could not be ended
		t.Logf("by %s: %d blocked reads ended within %v", end, reads, time.Since(began).Round(10*time.Microsecond))
		cancel()
		for _, body := range bodies {
			_ = body.Close()
		}
		if !wait.Until(time.Minute, func() bool { now := before.since(t); return now.goroutines <= 0 && now.fds <= 0 }) {
			t.Errorf("by %s: %+v is left", end, before.since(t))
		}
	}
}
