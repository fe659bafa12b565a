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
	// mu guards info, whose Root is empty while it is not known, when to ask again,
	// and whether it was told that there is no answer: a proxy before the engine may
	// never have one.
	mu      sync.Mutex
	info    docker.Info
	retryAt time.Time
	told    bool
}

// infoRetry is how long a refusal to tell is taken for an answer.
const infoRetry = time.Minute

func (e *engineInfo) get(ctx context.Context) docker.Info {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.info.Root != "":
		return e.info
	case time.Now().Before(e.retryAt):
		return e.unasked()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := e.engine.Info(ctx)
	if err != nil || info.Root == "" {
		e.retryAt = time.Now().Add(infoRetry)
		if !e.told {
			e.log.Warn("the engine does not answer /info: let the proxy in front of it pass /info, or set docker-root and host-label",
				"root", e.unasked().Root, "error", err)
		}
		e.told = true
		return e.unasked()
	}
	info.OwnRoot, info.Root = info.Root, cmp.Or(e.root, info.Root)
	e.info, e.told = info, false
	e.learned(info.Root)
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
