package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lighterman/lighterman/bench/peer"
)

// playAll measures a scenario with all agents. They take turns within a run, so
// that what disturbs the machine meets all of them.
func (o *options) playAll(ctx context.Context, s scenario, peers []*peer.Peer, book *book) error {
	runs := o.runs
	if s.runs > 0 {
		runs = s.runs
	}
	var failed []error
	var shared *stage
	defer func() { shared.remove() }()
	for n := range runs {
		for _, p := range peers {
			if s.variant != "" && p.Variants[s.variant] == nil {
				continue
			}
			if shared == nil || !shared.again() {
				shared.remove()
				var err error
				if shared, err = o.build(s); err != nil {
					return err
				}
			}
			v, err := o.playOne(ctx, shared, p)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				failed = append(failed, err)
				fmt.Fprintln(os.Stderr, "FAILED", err)
				continue
			}
			book.enter(entry{agent: p.Name, scenario: s, run: n, values: v})
		}
		if s.floor && shared != nil {
			v, err := shared.floor(ctx)
			if err != nil {
				return err
			}
			book.enter(entry{agent: floorName, scenario: s, run: n, values: v})
		}
	}
	return errors.Join(failed...)
}

func (o *options) build(s scenario) (*stage, error) {
	dir, err := os.MkdirTemp(os.Getenv("BENCH_DIR"), "lighterman-bench-")
	if err != nil {
		return nil, fmt.Errorf("cannot make containers: %w", err)
	}
	return build(s, dir)
}

// remove deletes everything of a stage; a stage that is not there has nothing.
func (s *stage) remove() {
	if s != nil {
		_ = os.RemoveAll(s.dir)
	}
}

func (o *options) playOne(ctx context.Context, s *stage, p *peer.Peer) (values, error) {
	var extra []string
	if strings.HasPrefix(p.Name, "lighterman") {
		extra = o.extra
	}
	t, err := s.begin(ctx, p, o.programs[p.Name], extra)
	if err != nil {
		return nil, err
	}
	defer t.end()
	return t.play(ctx)
}
