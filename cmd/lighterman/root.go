package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/route"
)

// defaultRoot is the engine's usual data root.
const defaultRoot = "/var/lib/docker"

// dataRoot finds the engine's data root when it is first needed, which is when
// the engine has answered.
type dataRoot struct {
	engine *docker.Client
	log    *slog.Logger
	// mu guards root, empty while it is not known.
	mu   sync.Mutex
	root string
}

func (r *dataRoot) route(ctx context.Context, policy route.Policy) func(*logs.Container) logs.Route {
	return func(c *logs.Container) logs.Route {
		policy.Root = r.get(ctx)
		return policy.Decide(c)
	}
}

func (r *dataRoot) get(ctx context.Context) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.root != "" {
		return r.root
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	root, err := r.engine.Root(ctx)
	if err != nil || root == "" {
		r.log.Warn("the engine does not tell its data root, taking the usual one", "root", defaultRoot, "error", err)
		return defaultRoot
	}
	r.root = root
	return root
}
