package agent

import (
	"errors"
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/status"
)

// meters gives the status page's counters the names that the parts know them by.
type meters struct {
	*status.Metrics
	// started is when the process was.
	started time.Time
}

// Lines implements collect.Metrics.
func (m meters) Lines(route string, lines, bytes int) { m.Read(route, lines, bytes) }

// CorruptRecord implements collect.Metrics.
func (m meters) CorruptRecord() { m.Corrupt(1) }

// LineCut implements collect.Metrics.
func (m meters) LineCut() { m.Cut(1) }

// ForgedEntry implements collect.Metrics.
func (m meters) ForgedEntry() { m.Forged(1) }

// LeftOut implements collect.Metrics.
func (m meters) LeftOut(bytes int) { m.CutBytes(bytes) }

// LineSkipped implements collect.Metrics.
func (m meters) LineSkipped(reason string) { m.Skipped(reason, 1) }

// Delivered implements dispatch.Metrics.
func (m meters) Delivered(age time.Duration, entries int, behind bool) {
	m.ObserveDelivery(age.Seconds(), entries, behind || age > time.Since(m.started))
}

// observe connects the parts with the status page.
func (c *carrier) observe(started time.Time) {
	c.server.Observe(func() status.Snapshot {
		out := c.snapshot(c.version, started)
		for _, g := range c.others {
			out.Outputs = append(out.Outputs, g.state(c.version, started))
		}
		return out
	})
	for _, g := range c.others {
		c.server.ObserveOutput(g.name, func() status.Snapshot { return g.snapshot(c.version, started) })
	}
	for _, g := range c.all() {
		c.observeGraph(g)
	}
	c.server.Warn(func() string { return c.config.Secrets.Scrub(both(c.reload.warning(), c.discovery.Warning())) })
}

// observeGraph adds what has to be well with an output.
func (c *carrier) observeGraph(g *graph) {
	of := ""
	if g.name != "" {
		of = " of output " + g.name
	}
	c.server.Live("collector"+of, g.collector.Alive)
	c.ready(g.source.name+of, func() error {
		connected, err := g.discovery.Status()
		switch {
		case connected:
			return nil
		case err != nil:
			return err
		}
		return errors.New("it has not answered yet")
	})
	if g.source.files != nil {
		c.ready("log files"+of, g.source.files)
	}
	c.ready("sink"+of, g.sink.ready)
	c.ready("open files"+of, g.collector.OpenFiles)
	c.ready("checkpoints"+of, func() error {
		if text := g.store.Stats().LastError; text != "" {
			return fmt.Errorf("they cannot be saved: %s", text)
		}
		return nil
	})
}

// ready adds a condition of readiness, whose reason shows no secret.
func (c *carrier) ready(name string, check func() error) {
	c.server.Ready(name, func() error { return c.config.Secrets.Error(check()) })
}

// state is how a further output does, in short.
func (g *graph) state(version string, started time.Time) status.OutputState {
	of := g.snapshot(version, started)
	out := status.OutputState{Name: g.name, To: g.sink.name(), Ready: true, BufferedBytes: of.BufferedBytes}
	if err := g.sink.ready(); err != nil {
		out.Ready, out.Why = false, g.config.Secrets.Scrub(err.Error())
	}
	for _, c := range of.Containers {
		if c.LagBytes != nil {
			out.LagBytes = max(out.LagBytes, *c.LagBytes)
		}
		if c.LagSeconds != nil {
			out.LagSeconds = max(out.LagSeconds, *c.LagSeconds)
		}
	}
	return out
}

func (g *graph) snapshot(version string, started time.Time) status.Snapshot {
	containers, streams := g.collector.Snapshot()
	connected, _ := g.discovery.Status()
	watched := g.watcher.Stats()
	saved := g.store.Stats()
	held := g.hold.Stats()
	out := status.Snapshot{
		Version: version, Started: started, BufferedBytes: int64(g.dispatcher.Held()), SetAside: g.dispatcher.SetAside(),
		CrowdedLabels: len(g.discovery.Explosions()),
		Source:        g.source.place, EngineConnected: connected, APIStreams: streams,
		InotifyWatches: watched.Watches, InotifyEvents: watched.Events, InotifyOverflows: watched.Overflows,
		HeldBytes: held.Bytes, HeldFiles: held.Files, HoldLinks: held.Links, HoldFailures: held.Failures,
		CheckpointSaves: saved.Saves, CheckpointFailures: saved.Failures,
		CheckpointError: saved.LastError, CheckpointAge: saved.Age.Seconds(),
	}
	hide := g.config.Secrets.Scrub
	if held.Problem != nil {
		out.HoldError = hide(held.Problem.Error())
	}
	out.CheckpointError = hide(out.CheckpointError)
	unknown := g.discovery.Unknown()
	for _, s := range containers {
		if why := unknown[s.Container.ID]; why != "" {
			s.Route.Reason += "; " + why // what was known before stands
			delete(unknown, s.Container.ID)
		}
		way := s.Route.Kind.String()
		if s.Waits {
			way, s.Route.Reason = "waiting", "the limit of open files is reached, the log is read in turns (LimitNOFILE=, ulimit -n); "+s.Route.Reason
		}
		refused, last := g.refused(s.Container.ID)
		lines := uint64(max(0, s.Lines))
		out.Containers = append(out.Containers, status.Container{
			Name: s.Container.Name, ID: s.Container.ID, Driver: s.Container.Driver,
			Route: way, Reason: hide(s.Route.Reason), Remarks: hidden(g.discovery.Remarks(s.Container.ID), hide), Position: position(&s.Position),
			LagBytes: known(s.LagBytes), LagSeconds: known(s.LagSeconds), Lines: &lines,
			LastError: hide(s.LastError), Refused: &refused, LastRefusal: last, Account: accountOf(s.Account(int64(refused))), //nolint:gosec // a number of lines
		})
	}
	out.Containers = append(out.Containers, unread(unknown)...)
	return out
}

// hidden hides secrets in texts.
func hidden(texts []string, hide func(string) string) (out []string) {
	for _, text := range texts {
		out = append(out, hide(text))
	}
	return out
}

// known returns what is not negative, and else nil.
func known[T int64 | float64](n T) *T {
	if n < 0 {
		return nil
	}
	return &n
}

// refused returns how many lines of a container Loki has refused, and the last of them.
func (g *graph) refused(id string) (uint64, *status.Refusal) {
	r := g.dispatcher.Refused(id)
	if r.Lines == 0 {
		return 0, nil
	}
	return uint64(r.Lines), &status.Refusal{ //nolint:gosec // a number of lines is not negative
		Time: r.At.UTC(), Reason: r.Reason, Example: r.Example, Message: g.config.Secrets.Scrub(r.Message), Cure: dispatch.Cure(r.Reason),
	}
}

// unread returns the containers that exist and of which nothing can be learnt.
func unread(unknown map[string]string) (out []status.Container) {
	for id, why := range unknown {
		out = append(out, status.Container{
			Name: id[:min(12, len(id))], ID: id, Route: logs.Unreadable.String(), Reason: why,
		})
	}
	return out
}

func position(p *logs.Position) *status.Position {
	out := &status.Position{Inode: p.File.Inode, Offset: p.File.Start()}
	if p.Last != 0 {
		out.Time = time.Unix(0, p.Last).UTC()
	}
	return out
}

// accountOf is what is shown of an account.
func accountOf(a logs.Account) *status.Account {
	return &status.Account{Read: a.Read, Sent: a.Sent, Joined: a.Joined, Dropped: a.Dropped, Rejected: a.Rejected, Pending: a.Pending}
}
