package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/lighterman/lighterman/bench/engine"
	"github.com/lighterman/lighterman/bench/line"
	"github.com/lighterman/lighterman/bench/link"
	"github.com/lighterman/lighterman/bench/loggen"
	"github.com/lighterman/lighterman/bench/peer"
	"github.com/lighterman/lighterman/bench/sink"
	"github.com/lighterman/lighterman/test/port"
)

// stage is what a scenario plays on: the containers and what they have logged.
type stage struct {
	scenario scenario
	dir      string
	layout   *loggen.Layout
	ledger   line.Ledger
}

// seed makes every run's lines the same.
const seed = 20251107

// build makes the containers and their backlog.
func build(s scenario, dir string) (*stage, error) {
	now := time.Now()
	layout, err := loggen.Create(filepath.Join(dir, "docker"), s.containers, now.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	out := &stage{scenario: s, dir: dir, layout: layout, ledger: make(line.Ledger)}
	if !s.json {
		if err := layout.Backlog(out.ledger, seed, s.backlog, now); err != nil {
			return nil, err
		}
		return out, nil
	}
	kept := make(line.Ledger)
	if err := layout.JSONBacklog(out.ledger, kept, seed, s.backlog, now); err != nil {
		return nil, err
	}
	if s.keeps {
		out.ledger = kept
	}
	return out, nil
}

// again tells that another agent may play on it.
func (s *stage) again() bool { return s.scenario.rate == 0 }

// trial is one agent at one scenario.
type trial struct {
	stage *stage
	place peer.Place
	sink  *sink.Sink
	link  *link.Link // nil without
	agent *peer.Agent
	close []func()
}

// begin starts sink, engine and agent.
func (s *stage) begin(ctx context.Context, p *peer.Peer, program string, extra []string) (*trial, error) {
	work, err := os.MkdirTemp(s.dir, "agent-")
	if err != nil {
		return nil, err
	}
	t := &trial{stage: s, sink: sink.New()}
	t.later(func() { _ = os.RemoveAll(work) })
	t.place = peer.Place{Root: s.layout.Root, Logs: filepath.Join(s.layout.Root, "containers", "*", "*-json.log"), Work: work}
	if err := t.serve(ctx); err != nil {
		t.end()
		return nil, err
	}
	cores := max(s.scenario.cores, 1)
	if t.agent, err = peer.Start(p, &t.place, peer.Options{
		Program: program, Variant: s.scenario.variant, Extra: extra, Wrap: agentPin(cores), Env: []string{fmt.Sprint("GOMAXPROCS=", cores)},
	}); err != nil {
		t.end()
		return nil, err
	}
	t.later(t.agent.Stop)
	return t, nil
}

func (t *trial) later(do func()) { t.close = append(t.close, do) }

// end stops what was started, the last one first.
func (t *trial) end() {
	for i := len(t.close) - 1; i >= 0; i-- {
		t.close[i]()
	}
	t.close = nil
}

// serve starts what the agent talks to.
func (t *trial) serve(ctx context.Context) error {
	if err := t.serveSink(ctx); err != nil {
		return err
	}
	free, err := port.Take()
	if err != nil {
		return err
	}
	t.later(free.Release)
	t.place.Port = free.Number
	t.serveEngine(ctx)
	return nil
}

// serveSink starts the sink, and the link to it if there is one.
func (t *trial) serveSink(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	server := &http.Server{Handler: t.sink, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.later(func() { _ = server.Close() })
	t.place.ShipTo(listener.Addr())
	if shape := t.stage.scenario.link; shape != (link.Shape{}) {
		if t.link, err = link.Open(ctx, listener.Addr().String(), shape); err != nil {
			return err
		}
		t.later(t.link.Close)
		t.place.ShipTo(t.link.Addr())
	}
	return nil
}

func (t *trial) serveEngine(ctx context.Context) {
	t.place.Socket = filepath.Join(t.place.Work, "docker.sock")
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := engine.New(t.stage.layout).Run(ctx, t.place.Socket); err != nil {
			fmt.Fprintln(os.Stderr, "measure:", err)
		}
	}()
	t.later(func() { cancel(); <-done })
}

// stopAgent stops the agent and waits for what it has left under way: it may send
// again what it thinks was not acknowledged.
func (t *trial) stopAgent(ctx context.Context) error {
	t.agent.Stop()
	if t.link == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return t.link.Drain(ctx)
}

// patience is how long an agent may bring nothing new before it is given up.
const patience = 60 * time.Second

// await waits until as many lines have arrived as were written.
func (t *trial) await(ctx context.Context, lines int) error {
	before, changed := -1, time.Now()
	for {
		n := t.sink.Lines()
		switch {
		case n >= lines:
			return nil
		case n != before:
			before, changed = n, time.Now()
		case time.Since(changed) > patience:
			return nil // the verdict will tell what is missing
		}
		if err := t.agent.Ended(); err != nil {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
