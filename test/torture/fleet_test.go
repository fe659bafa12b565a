package torture

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/engine"
)

// berth is a place in the fleet: a kind of container, and the one there now.
type berth struct {
	driver  string
	opts    map[string]string
	maxFile int
	tty     bool

	container *engine.Container
	ledger    *ledger
	renamed   int
}

// berths returns the kinds: logs that rotate often, with and without
// compression; a log that never does; a terminal; and the drivers without
// json-file. What a log may hold before Docker deletes from it, some 3 MB, takes
// the writers the better part of a second.
func berths(syslog string) []*berth {
	rotating := func(size string, files int, compress bool) *berth {
		opts := map[string]string{"max-size": size, "max-file": fmt.Sprint(files)}
		if compress {
			opts["compress"] = "true"
		}
		return &berth{driver: "json-file", opts: opts, maxFile: files}
	}
	terminal := rotating("200k", 15, false)
	terminal.tty = true
	small := rotating("200k", 15, true)
	small.driver = "local"
	return []*berth{
		rotating("100k", 30, false), rotating("50k", 50, false), rotating("200k", 15, true),
		rotating("1m", 4, false), rotating("500k", 7, true), {driver: "json-file"}, terminal,
		small, {driver: "local"}, {driver: "journald"},
		{driver: "syslog", opts: map[string]string{"syslog-address": syslog, "mode": "blocking"}},
	}
}

// fleet is the containers, and what is done to them.
type fleet struct {
	t       testing.TB
	engine  *engine.PrivateEngine
	witness *witness
	seed    uint64
	berths  []*berth

	mu   sync.Mutex // guards made
	made int
}

// fill puts a new container into a berth and starts it.
func (f *fleet) fill(b *berth) {
	f.mu.Lock()
	f.made++
	number := f.made
	f.mu.Unlock()
	spec := engine.Spec{
		Name: fmt.Sprintf("t%d", number), Driver: b.driver, Opts: maps.Clone(b.opts), TTY: b.tty, Restart: "unless-stopped",
		Args: []string{"-storm", fmt.Sprint(f.seed + uint64(number)), "-tag", fmt.Sprintf("t%d", number)},
	}
	b.container = f.engine.Create(f.t, spec)
	b.ledger = newLedger(b.container.ID, b.container.Name, b.driver, b.tty)
	b.ledger.maxFile = b.maxFile
	f.witness.watch(b.ledger)
	f.do("start", func(ctx context.Context) error {
		_, err := f.engine.API.ContainerStart(ctx, b.container.ID, client.ContainerStartOptions{})
		return err
	})
}

// do calls the engine. What it refuses, since a container is not in the state
// for it, is no matter here.
func (f *fleet) do(what string, call func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := call(ctx); err != nil {
		f.t.Logf("cannot %s: %v", what, err)
	}
}

// fault does one of the things that happen to containers.
func (f *fleet) fault(rng *rand.Rand) (kind string, act func()) {
	b := f.berths[rng.IntN(len(f.berths))]
	api, down := f.engine.API, time.Duration(rng.IntN(1500))*time.Millisecond
	stop := func(ctx context.Context) error {
		_, err := api.ContainerStop(ctx, b.container.ID, client.ContainerStopOptions{})
		return err
	}
	start := func(ctx context.Context) error {
		_, err := api.ContainerStart(ctx, b.container.ID, client.ContainerStartOptions{})
		return err
	}
	kill := func(signal string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			_, err := api.ContainerKill(ctx, b.container.ID, client.ContainerKillOptions{Signal: signal})
			return err
		}
	}
	switch n := rng.IntN(100); {
	case n < 15:
		return "container stopped", func() { f.do("stop", stop); time.Sleep(down); f.do("start", start) }
	case n < 30:
		return "container restarted", func() {
			f.do("restart", func(ctx context.Context) error {
				_, err := api.ContainerRestart(ctx, b.container.ID, client.ContainerRestartOptions{})
				return err
			})
		}
	case n < 42:
		return "container killed", func() {
			f.do("start", start) // it may have ended with the engine
			f.do("kill", kill("KILL"))
			time.Sleep(down)
			f.do("start", start)
		}
	case n < 57:
		return "container renamed", func() {
			f.do("rename", func(ctx context.Context) error {
				b.renamed++
				name := fmt.Sprintf("%sr%d", b.ledger.name, b.renamed)
				_, err := api.ContainerRename(ctx, b.container.ID, client.ContainerRenameOptions{NewName: name})
				return err
			})
		}
	case n < 80:
		return "container removed", func() { f.remove(b); f.fill(b) }
	default:
		return "rotation storm", func() { f.do("start", start); f.do("storm", kill("USR2")); time.Sleep(time.Second) }
	}
}

// remove is `docker rm -f`.
func (f *fleet) remove(b *berth) {
	f.do("remove", func(ctx context.Context) error {
		_, err := f.engine.API.ContainerRemove(ctx, b.container.ID, client.ContainerRemoveOptions{Force: true})
		if err == nil {
			f.witness.removed(b.ledger)
		}
		return err
	})
}

// stopAll stops all containers.
func (f *fleet) stopAll() {
	var group sync.WaitGroup
	for _, b := range f.berths {
		group.Go(func() {
			b.container.Stop(f.t)
			running := b.container.Inspect(f.t).State
			if running.Status != container.StateExited {
				f.t.Errorf("container %q is %s", b.container.Name, running.Status)
			}
		})
	}
	group.Wait()
}
