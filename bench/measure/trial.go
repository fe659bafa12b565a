package main

import (
	"cmp"
	"context"
	"fmt"
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
	if err := out.fill(now); err != nil {
		return nil, err
	}
	layout.Containers += s.churn
	return out, nil
}

// fill writes the backlog.
func (s *stage) fill(now time.Time) error {
	kept := make(line.Ledger)
	var err error
	switch c := s.scenario; {
	case c.spread:
		err = s.layout.SpreadBacklog(s.ledger, kept, seed, c.backlog, now)
	case c.json:
		err = s.layout.JSONBacklog(s.ledger, kept, seed, c.backlog, now)
	case c.behind > 0:
		err = s.layout.BacklogOfSome(s.ledger, seed, c.behind, c.backlog, now)
	default:
		err = s.layout.Backlog(s.ledger, seed, c.backlog, now)
	}
	if s.scenario.keeps {
		s.ledger = kept
	}
	return err
}

// expected is what the lines are compared with one by one.
func (s *stage) expected() sink.Expected {
	switch {
	case s.scenario.spread:
		return sink.Expected{Maker: line.NewSpreadMaker(seed), Drops: s.scenario.keeps}
	case s.scenario.json:
		return sink.Expected{Maker: line.NewJSONMaker(seed), Drops: s.scenario.keeps}
	}
	return sink.Expected{Maker: line.NewMaker(seed)}
}

// again tells that another agent may play on it.
func (s *stage) again() bool { return s.scenario.rate == 0 && s.scenario.course == asWritten }

// trial is one agent at one scenario.
type trial struct {
	stage  *stage
	peer   *peer.Peer
	place  peer.Place
	how    peer.Options
	sink   *sink.Sink
	server *server
	link   *link.Link // nil without
	engine *engine.Engine
	agent  *peer.Agent
	// seen is what the agent had used when the last new line arrived, if nothing more came.
	seen  *peer.Usage
	close []func()
}

// begin starts sink, engine and agent.
func (s *stage) begin(ctx context.Context, p *peer.Peer, program string, extra []string) (*trial, error) {
	work, err := os.MkdirTemp(s.dir, "agent-")
	if err != nil {
		return nil, err
	}
	t := &trial{stage: s, peer: p, sink: sink.New(), engine: engine.New(s.layout)}
	if s.scenario.beside {
		t.sink.Expect(s.expected())
	}
	if s.scenario.discards {
		t.sink.Discard()
	}
	t.later(func() { _ = os.RemoveAll(work) })
	t.place = peer.Place{Root: s.layout.Root, Logs: filepath.Join(s.layout.Root, "containers", "*", "*-json.log"), Work: work}
	if err := t.serve(ctx); err != nil {
		t.end()
		return nil, err
	}
	cores := max(s.scenario.cores, 1)
	t.how = peer.Options{
		Program: program, Variant: s.scenario.variant, Extra: extra, Wrap: agentPin(cores), Env: []string{fmt.Sprint("GOMAXPROCS=", cores)},
	}
	if err := t.startAgent(); err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// startAgent starts the agent, or starts it again where it was.
func (t *trial) startAgent() (err error) {
	if t.agent, err = peer.Start(t.peer, &t.place, t.how); err != nil {
		return err
	}
	t.later(t.agent.Stop)
	return nil
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
	var err error
	if t.server, err = serve(ctx, t.sink); err != nil {
		return err
	}
	t.later(t.server.close)
	t.place.ShipTo(t.server.address)
	if shape := t.stage.scenario.link; shape != (link.Shape{}) {
		if t.link, err = link.Open(ctx, t.server.address.String(), shape); err != nil {
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
		if err := t.engine.Run(ctx, t.place.Socket); err != nil {
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

// patience is that of the scenario: an agent may wait as long as a Loki was away before it
// tries again, or twice as long.
func (s scenario) patience() time.Duration {
	return max(cmp.Or(s.patient, patience), 2*s.away+10*time.Second)
}

// usage is what the agent has used for the work: without what it took to wait for lines
// that never came.
func (t *trial) usage() (peer.Usage, error) {
	if t.seen != nil {
		return *t.seen, nil
	}
	return t.agent.Usage()
}

// looking is how often the agent's usage is looked at while lines arrive.
const looking = 250 * time.Millisecond

// await waits until as many lines have arrived as were written.
func (t *trial) await(ctx context.Context, lines int) error {
	t.seen = nil
	var seen *peer.Usage
	var looked time.Time
	before, changed := -1, time.Now()
	for {
		n := t.sink.Distinct()
		switch {
		case n >= lines:
			return nil
		case n != before:
			before, changed = n, time.Now()
			if time.Since(looked) >= looking {
				if u, err := t.agent.Usage(); err == nil {
					seen, looked = &u, time.Now()
				}
			}
		case time.Since(changed) > t.stage.scenario.patience():
			t.seen = seen
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
