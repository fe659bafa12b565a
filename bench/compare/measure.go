package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/lighterman/lighterman/bench/dashboard"
	"github.com/lighterman/lighterman/bench/peer"
	"github.com/lighterman/lighterman/test/outside"
	"github.com/lighterman/lighterman/test/repo"
)

// measure runs all modes and makes the report.
func (o *options) measure(ctx context.Context) (*dashboard.Report, error) {
	defer repo.RemoveBuilt()
	modes, err := o.found()
	if err != nil {
		return nil, err
	}
	code, err := countCode(ctx)
	if err != nil {
		return nil, err
	}
	report := &dashboard.Report{
		Kind: o.kind, Made: time.Now().UTC().Truncate(time.Second), Command: o.command, Commit: o.commit, Machine: peer.Machine(),
		Load: dashboard.Load{
			Containers: o.fleet.Containers, Mix: o.fleet.Mix.String(), Rate: o.fleet.Rate, Every: o.every.Seconds(), WarmupEvery: o.warmupEvery.Seconds(),
			Rotate: o.fleet.Rotate, Warmup: o.warmup.Seconds(), Window: o.window.Seconds(), Together: o.together,
		},
	}
	phases := [][]*mode{modes}
	if !o.together {
		phases = nil
		for _, m := range modes {
			phases = append(phases, []*mode{m})
		}
	}
	progress := newProgress(os.Stderr, len(phases), o.warmup+o.window)
	defer progress.end()
	for n, group := range phases {
		progress.phase(n, group)
		err := outside.Run(ctx, progress, func(t *outside.T) { o.phase(t, group, report, progress) })
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
	for _, m := range report.Modes {
		m.Code = code[m.Name]
	}
	report.Score()
	report.Check()
	return report, nil
}

// phase measures some modes at the same time, on an engine of their own.
func (o *options) phase(t testing.TB, modes []*mode, report *dashboard.Report, p *progress) {
	t.Helper()
	s := o.build(t, modes)
	report.Engine = s.version
	s.play(t, p)
	report.Modes = append(report.Modes, s.results(t)...)
}
