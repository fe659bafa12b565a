package main

import (
	"context"
	"time"

	"github.com/lighterman/lighterman/bench/loggen"
	"github.com/lighterman/lighterman/bench/sink"
)

// playCourse writes lines while something happens.
func (t *trial) playCourse(ctx context.Context, out values) error {
	if err := t.await(ctx, t.stage.ledger.Lines()); err != nil {
		return err
	}
	switch t.stage.scenario.course {
	case comeAndGo:
		return t.playChurn(ctx, out)
	case restarted, rotated, killed:
		return t.playRestart(ctx, out)
	}
	return t.playAway(ctx, out)
}

// Containers that come and go: one begins every lifeEvery, and each writes for life.
const lifeEvery, life = 100 * time.Millisecond, 3 * time.Second

func (t *trial) playChurn(ctx context.Context, out values) error {
	s := t.stage.scenario
	return t.measured(ctx, out, func() error {
		return t.stage.layout.Churn(ctx, t.stage.ledger, loggen.Churn{
			Seed: seed, First: s.containers, Containers: s.churn, Every: lifeEvery, Life: life, Rate: s.rate, Tell: t.engine.Tell,
		})
	})
}

// measured measures what the agent takes while something is done and until everything is
// there.
func (t *trial) measured(ctx context.Context, out values, do func() error) error {
	before, err := t.agent.Usage()
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	after, err := t.ended(ctx, out, t.usage)
	if err != nil {
		return err
	}
	out["used_s"] = (after.CPU - before.CPU).Seconds()
	return nil
}

func (t *trial) write(ctx context.Context, d time.Duration) error {
	s := t.stage.scenario
	return t.stage.layout.Run(ctx, t.stage.ledger, loggen.Live{Seed: seed, Rate: s.rate, Duration: d})
}

// playRestart measures from the second start to the last line.
func (t *trial) playRestart(ctx context.Context, out values) error {
	s := t.stage.scenario
	if s.duration > 0 {
		if err := t.write(ctx, s.duration); err != nil {
			return err
		}
	}
	if s.course == killed { // the last lines are under way
		t.agent.Kill()
	} else {
		t.agent.Stop()
	}
	end, err := t.grow(s.down, s.course == rotated)
	if err != nil {
		return err
	}
	select { // no line is of the future
	case <-time.After(time.Until(end)):
	case <-ctx.Done():
		return ctx.Err()
	}
	before := t.sink.Distinct()
	if err := t.startAgent(); err != nil { // with what it has on disk
		return err
	}
	ready, err := t.agent.AwaitReady(ctx)
	if err != nil {
		return err
	}
	out.set("ready_ms", ready.Seconds()*1000)
	u, err := t.ended(ctx, out, t.used)
	if err != nil {
		return err
	}
	r := t.sink.Report()
	lines, took := float64(r.Distinct-before), t.took(&r)
	out["caught_up_s"] = took.Seconds()
	out["used_s"] = u.CPU.Seconds()
	if lines > 0 && took > 0 {
		out["lines_per_s"] = lines / took.Seconds()
	}
	return nil
}

// grow writes a backlog as if it had been written from now on, and returns when its last line
// was. The logs may rotate in its middle.
func (t *trial) grow(bytes int64, rotate bool) (end time.Time, err error) {
	end = time.Now()
	parts := []int64{bytes}
	if rotate {
		parts = []int64{bytes / 2, bytes - bytes/2}
	}
	for i, part := range parts {
		if i > 0 {
			if err := t.stage.layout.Rotate(); err != nil {
				return end, err
			}
		}
		end = end.Add(t.stage.layout.Span(part))
		if err := t.stage.layout.Backlog(t.stage.ledger, seed, part, end); err != nil {
			return end, err
		}
	}
	return end, nil
}

// steady is how long lines are written before Loki is away, and after it is back.
const steady = 5 * time.Second

// playAway writes lines before, while and after Loki is away.
func (t *trial) playAway(ctx context.Context, out values) error {
	s := t.stage.scenario
	return t.measured(ctx, out, func() error {
		if err := t.write(ctx, steady); err != nil {
			return err
		}
		if err := t.server.away(ctx); err != nil {
			return err
		}
		if err := t.write(ctx, s.away); err != nil {
			return err
		}
		if err := t.server.back(ctx); err != nil {
			return err
		}
		back := time.Now()
		if err := t.await(ctx, t.stage.ledger.Lines()); err != nil {
			return err
		}
		out["caught_up_s"] = max(0, time.Unix(0, t.sink.Report().Last).Sub(back).Seconds())
		return t.write(ctx, steady)
	})
}

// arrived enters what became of the lines; that there is nothing to say is a result, too.
func (v values) arrived(a sink.Arrived) {
	v["lost"] = float64(a.Lost)
	v["repeated"] = float64(a.Repeated)
	v["changed"] = float64(a.Changed)
	v["retimed"] = float64(a.Retimed)
}
