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
	c.server.Observe(func() status.Snapshot { return c.snapshot(started) })
	c.server.Live("collector", c.collector.Alive)
	c.server.Warn(func() string { return c.config.Secrets.Scrub(c.warning()) })
	c.ready(c.source.name, func() error {
		connected, err := c.discovery.Status()
		switch {
		case connected:
			return nil
		case err != nil:
			return err
		}
		return errors.New("it has not answered yet")
	})
	if c.source.files != nil {
		c.ready("log files", c.source.files)
	}
	c.ready("sink", c.sink.ready)
	c.ready("open files", c.collector.OpenFiles)
	c.ready("checkpoints", func() error {
		if text := c.store.Stats().LastError; text != "" {
			return fmt.Errorf("they cannot be saved: %s", text)
		}
		return nil
	})
}

// warning is what is wrong and makes nothing unready; empty for nothing.
func (c *carrier) warning() string {
	warning := c.discovery.Warning()
	if c.files == nil || c.files.finder.Problem() == "" {
		return warning
	}
	if warning != "" {
		warning += "; "
	}
	return warning + c.files.finder.Problem()
}

// ready adds a condition of readiness, whose reason shows no secret.
func (c *carrier) ready(name string, check func() error) {
	c.server.Ready(name, func() error { return c.config.Secrets.Error(check()) })
}

func (c *carrier) snapshot(started time.Time) status.Snapshot {
	containers, streams := c.collector.Snapshot()
	connected, _ := c.discovery.Status()
	watched := c.watcher.Stats()
	saved := c.store.Stats()
	held := c.hold.Stats()
	out := status.Snapshot{
		Version: c.version, Started: started, BufferedBytes: int64(c.dispatcher.Held()), SetAside: c.dispatcher.SetAside(),
		CrowdedLabels: len(c.discovery.Explosions()),
		Source:        c.source.place, EngineConnected: connected, APIStreams: streams,
		InotifyWatches: watched.Watches, InotifyEvents: watched.Events, InotifyOverflows: watched.Overflows,
		HeldBytes: held.Bytes, HeldFiles: held.Files, HoldLinks: held.Links, HoldFailures: held.Failures,
		CheckpointSaves: saved.Saves, CheckpointFailures: saved.Failures,
		CheckpointError: saved.LastError, CheckpointAge: saved.Age.Seconds(),
	}
	hide := c.config.Secrets.Scrub
	if held.Problem != nil {
		out.HoldError = hide(held.Problem.Error())
	}
	out.CheckpointError = hide(out.CheckpointError)
	unknown := c.discovery.Unknown()
	for _, s := range containers {
		if why := unknown[s.Container.ID]; why != "" {
			s.Route.Reason += "; " + why // what was known before stands
			delete(unknown, s.Container.ID)
		}
		way := s.Route.Kind.String()
		if s.Waits {
			way, s.Route.Reason = "waiting", "the limit of open files is reached, the log is read in turns (LimitNOFILE=, ulimit -n); "+s.Route.Reason
		}
		refused, last := c.refused(s.Container.ID)
		lines := uint64(max(0, s.Lines))
		out.Containers = append(out.Containers, status.Container{
			Name: s.Container.Name, ID: s.Container.ID, Driver: s.Container.Driver,
			Route: way, Reason: hide(s.Route.Reason), Position: position(&s.Position),
			LagBytes: known(s.LagBytes), LagSeconds: known(s.LagSeconds), Lines: &lines,
			LastError: hide(s.LastError), Refused: &refused, LastRefusal: last,
		})
	}
	out.Containers = append(out.Containers, unread(unknown)...)
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
func (c *carrier) refused(id string) (uint64, *status.Refusal) {
	r := c.dispatcher.Refused(id)
	if r.Lines == 0 {
		return 0, nil
	}
	return uint64(r.Lines), &status.Refusal{ //nolint:gosec // a number of lines is not negative
		Time: r.At.UTC(), Reason: r.Reason, Example: r.Example, Message: c.config.Secrets.Scrub(r.Message), Cure: dispatch.Cure(r.Reason),
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
