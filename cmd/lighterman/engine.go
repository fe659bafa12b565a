package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/discover"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/route"
)

// defaultRoot is the engine's usual data root.
const defaultRoot = "/var/lib/docker"

// engineInfo asks the engine about itself when that is first needed, which is
// when it has answered for the first time.
type engineInfo struct {
	engine *docker.Client
	log    *slog.Logger
	// mu guards info, whose Root is empty while it is not known, and when to
	// ask again.
	mu      sync.Mutex
	info    docker.Info
	retryAt time.Time
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
		return docker.Info{Root: defaultRoot}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := e.engine.Info(ctx)
	if err != nil || info.Root == "" {
		e.retryAt = time.Now().Add(infoRetry)
		e.log.Warn("the engine does not tell its data root, taking the usual one", "root", defaultRoot, "error", err)
		return docker.Info{Root: defaultRoot}
	}
	e.info = info
	return info
}

// route returns the choice of routes. Without root the engine is asked for it.
func (e *engineInfo) route(ctx context.Context, policy route.Policy) func(*logs.Container) logs.Route {
	return func(c *logs.Container) logs.Route {
		p := policy
		if p.Root == "" {
			p.Root = e.get(ctx).Root
		}
		return p.Decide(c)
	}
}

// labels returns the labelling. In a container the host's name is not ours,
// which would be another one for each new lighterman, but the engine's.
func (e *engineInfo) labels(ctx context.Context, labeler discover.Labeler, fromEngine bool) func(*logs.Container) *logs.Labels {
	return func(c *logs.Container) *logs.Labels {
		l := labeler
		if fromEngine {
			if name := e.get(ctx).Name; name != "" {
				l.Host = name
			}
		}
		return l.Labels(c)
	}
}
