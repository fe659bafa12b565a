package host

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/target"
)

// engineInfo asks the engine about itself when that is first needed, which is
// when it has answered for the first time.
type engineInfo struct {
	engine *docker.Client
	log    *slog.Logger
	// root is the engine's data root where it was set, and need not be asked for.
	root string
	// learned is told of the data root once it is known.
	learned func(root string)
	// asking is full while the engine is being asked: others wait for its answer.
	asking chan struct{}
	// told says that there was no answer: a proxy before the engine may never have one.
	// It belongs to whoever asks.
	told bool
	// mu guards info, whose Root is empty while it is not known, and when to ask again.
	mu      sync.Mutex
	info    docker.Info
	retryAt time.Time
}

// infoRetry is how long a refusal to tell is taken for an answer.
const infoRetry = time.Minute

func (e *engineInfo) get(ctx context.Context) docker.Info {
	if info, ok := e.asked(); ok {
		return info
	}
	select {
	case e.asking <- struct{}{}:
	case <-ctx.Done():
		return e.unasked()
	}
	defer func() { <-e.asking }()
	if info, ok := e.asked(); ok { // meanwhile
		return info
	}
	return e.ask(ctx)
}

// asked returns what the engine has answered, or what is taken for that until it is asked
// again.
func (e *engineInfo) asked() (docker.Info, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.info.Root != "" {
		return e.info, true
	}
	return e.unasked(), time.Now().Before(e.retryAt)
}

// ask asks the engine. One does so at a time.
func (e *engineInfo) ask(ctx context.Context) docker.Info {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := e.engine.Info(ctx)
	if err != nil || info.Root == "" {
		e.mu.Lock()
		e.retryAt = time.Now().Add(infoRetry)
		e.mu.Unlock()
		if !e.told {
			e.log.Warn("the engine does not answer /info: let the proxy in front of it pass /info, or set docker-root and host-label",
				"root", e.unasked().Root, "error", err)
		}
		e.told = true
		return e.unasked()
	}
	info.OwnRoot, info.Root = info.Root, cmp.Or(e.root, info.Root)
	e.told = false
	e.learned(info.Root) // before anybody goes by it
	e.mu.Lock()
	e.info = info
	e.mu.Unlock()
	if info.Podman {
		e.log.Warn("the engine is Podman, whose logs cannot be read")
	}
	return info
}

// unasked is what is taken for the engine's answer while there is none.
func (e *engineInfo) unasked() docker.Info {
	return docker.Info{Root: cmp.Or(e.root, docker.DefaultRoot)}
}

// known returns what targets are decided by.
func (e *engineInfo) known(ctx context.Context) func() target.Engine {
	return func() target.Engine {
		info := e.get(ctx)
		return target.Engine{Root: info.Root, Name: info.Name, Podman: info.Podman}
	}
}

// peek is the look at a container that needs no answer of the engine.
func (e *engineInfo) peek(ctx context.Context, keep docker.Keep) func(id string) *logs.Container {
	return func(id string) *logs.Container { return storedIn(e.get(ctx).Root, keep)(id) }
}
