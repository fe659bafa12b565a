package viewer

import (
	"context"
	"slices"

	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
)

// untilStart lets pass what was written before the start of a look that does not go on: a
// container that never stops writing would have no end.
type untilStart struct {
	dispatch.Sink
	viewer *Viewer
}

// Push implements dispatch.Sink.
func (p *untilStart) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	of := make(map[string]bool)
	groups := make([]*logs.Group, 0, len(b.Groups))
	for _, g := range b.Groups {
		old := before(g, p.viewer.start(g.Container))
		of[g.Container] = of[g.Container] || old.Len() < g.Len()
		if old.Len() > 0 {
			groups = append(groups, old)
		}
	}
	outcome := logs.Outcome{Kind: logs.Accepted}
	if len(groups) > 0 {
		outcome = p.Sink.Push(ctx, logs.Join(groups...))
	}
	if outcome.Kind == logs.Accepted {
		p.viewer.arrived(of)
	}
	return outcome
}

// before returns the entries of a group that were written before a time.
func before(g *logs.Group, at int64) *logs.Group {
	if !slices.ContainsFunc(g.Times, func(t int64) bool { return t >= at }) {
		return g
	}
	var out logs.Batch
	for i, t := range g.Times {
		if t < at {
			out.Add(g.Labels, g.Entry(i))
		}
	}
	if out.Entries == 0 {
		return &logs.Group{}
	}
	out.Groups[0].Container = g.Container
	return out.Groups[0]
}
