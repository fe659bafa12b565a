package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/bench/dashboard"
	"github.com/lighterman/lighterman/bench/fleet"
	"github.com/lighterman/lighterman/bench/peer"
	"github.com/lighterman/lighterman/bench/sink"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/port"
)

// stage is an engine with its fleet, and the collectors that are measured there.
type stage struct {
	options *options
	engine  *engine.PrivateEngine
	version string
	fleet   *fleet.Fleet
	dockerd dockerd
	actors  []*actor
	// first and last are when the window was looked at, since the start.
	first, last time.Duration
}

// actor is a mode that runs.
type actor struct {
	mode    *mode
	place   peer.Place
	sink    *sink.Sink
	agent   *peer.Agent
	series  map[string]dashboard.Series
	latency sink.Histogram
	// before and after are the usages at both ends of the window, peak is the
	// most memory that was seen, in bytes.
	before, after peer.Usage
	peak          int64
}

// build starts an engine with containers. Collectors come with play.
func (o *options) build(t testing.TB, modes []*mode) *stage {
	t.Helper()
	s := &stage{options: o}
	for _, m := range modes {
		s.actors = append(s.actors, &actor{mode: m, series: make(map[string]dashboard.Series)})
	}
	// With --debug the engine tells of its goroutines.
	s.engine = engine.Private(t, engine.PrivateOptions{Args: []string{"--debug"}})
	version, err := s.engine.API.ServerVersion(t.Context(), client.ServerVersionOptions{})
	if err != nil {
		t.Fatalf("cannot ask the engine for its version: %v", err)
	}
	s.version = version.Version
	s.dockerd = newDockerd(s.engine.PID(), filepath.Join(s.engine.Dir, "docker.sock"))
	options := o.fleet
	if slices.Contains(options.Mix.Drivers(options.Containers), "syslog") {
		options.Syslog = engine.StartSyslog(t).Unix
	}
	s.fleet = fleet.Start(t, s.engine.Engine, options)
	return s
}

// start starts a collector and what it ships to.
func (s *stage) start(t testing.TB, a *actor) {
	t.Helper()
	a.sink = sink.New()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: a.sink, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	root := s.engine.DataRoot()
	a.place = peer.Place{
		Root: root, Logs: filepath.Join(root, "containers", "*", "*-json.log"), Work: t.TempDir(),
		Socket: filepath.Join(s.engine.Dir, "docker.sock"),
	}
	a.place.ShipTo(listener.Addr())
	free, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(free.Release)
	a.place.Port = free.Number
	if a.agent, err = peer.Start(a.mode.peer, &a.place, peer.Options{Program: a.mode.program, Extra: a.mode.extra}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.agent.Stop)
}

// play lets the collectors work for the warm-up and the window.
func (s *stage) play(t testing.TB, p *progress) {
	t.Helper()
	for _, a := range s.actors {
		s.start(t, a)
	}
	ctx, stop := context.WithTimeout(t.Context(), s.options.warmup+s.options.window)
	defer stop()
	churned := make(chan struct{})
	go func() {
		defer close(churned)
		warm, end := context.WithTimeout(ctx, s.options.warmup)
		s.fleet.Churn(warm, t, s.options.warmupEvery)
		end()
		s.fleet.Churn(ctx, t, s.options.every)
	}()
	s.watch(ctx, t, p)
	<-churned
	if t.Failed() || t.Context().Err() != nil {
		t.FailNow()
	}
	p.say("the containers are stopped, and what is under way arrives")
	s.fleet.Stop(t)
	s.drain(t)
}

// patience is how long a collector may bring nothing new before it is taken to
// have brought all that it will.
const patience = 20 * time.Second

// drain waits until everything has arrived, or nothing more does, and stops the
// collectors.
func (s *stage) drain(t testing.TB) {
	t.Helper()
	written, err := s.fleet.Written()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range s.actors {
		before, changed := -1, time.Now()
		for t.Context().Err() == nil && time.Since(changed) < patience {
			n := a.sink.Lines()
			if n >= written.Lines() {
				break
			}
			if n != before {
				before, changed = n, time.Now()
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	for _, a := range s.actors {
		a.agent.Stop() // it may send again what it thinks was not acknowledged
	}
}
