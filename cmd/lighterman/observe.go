package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/discover"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/status"
)

// meters gives the status page's counters the names that the parts know them by.
type meters struct{ *status.Metrics }

// Lines implements collect.Metrics.
func (m meters) Lines(route string, lines, bytes int) { m.Read(route, lines, bytes) }

// CorruptRecord implements collect.Metrics.
func (m meters) CorruptRecord() { m.Corrupt(1) }

// LineCut implements collect.Metrics.
func (m meters) LineCut() { m.Cut(1) }

// Delivered implements dispatch.Metrics.
func (m meters) Delivered(age time.Duration, entries int) {
	m.ObserveDelivery(age.Seconds(), entries)
}

// observe connects the parts with the status page.
func (c *carrier) observe(started time.Time) {
	c.server.Observe(func() status.Snapshot { return c.snapshot(started) })
	c.server.Live("collector", c.collector.Alive)
	c.server.Ready(c.source.name, func() error {
		connected, err := c.discovery.Status()
		switch {
		case connected:
			return nil
		case err != nil:
			return err
		}
		return errors.New("it has not answered yet")
	})
	c.server.Ready("sink", c.sink.ready)
	c.server.Ready("checkpoints", func() error {
		if text := c.store.Stats().LastError; text != "" {
			return fmt.Errorf("they cannot be saved: %s", text)
		}
		return nil
	})
}

func (c *carrier) snapshot(started time.Time) status.Snapshot {
	containers, streams := c.collector.Snapshot()
	connected, _ := c.discovery.Status()
	watched := c.watcher.Stats()
	saved := c.store.Stats()
	held := c.hold.Stats()
	out := status.Snapshot{
		Version: version(), Started: started, BufferedBytes: int64(c.dispatcher.Held()), SetAside: c.dispatcher.SetAside(),
		Source: c.source.place, EngineConnected: connected, APIStreams: streams,
		InotifyWatches: watched.Watches, InotifyEvents: watched.Events, InotifyOverflows: watched.Overflows,
		HeldBytes: held.Bytes, HeldFiles: held.Files, HoldLinks: held.Links, HoldFailures: held.Failures,
		CheckpointSaves: saved.Saves, CheckpointFailures: saved.Failures,
		CheckpointError: cmp.Or(saved.LastError, saved.LogError), CheckpointAge: saved.Age.Seconds(),
	}
	if held.Problem != nil {
		out.HoldError = held.Problem.Error()
	}
	for _, s := range containers {
		out.Containers = append(out.Containers, status.ContainerStatus{
			Name: s.Container.Name, ID: s.Container.ID, Driver: s.Container.Driver,
			Route: s.Route.Kind.String(), Reason: s.Route.Reason,
			LagBytes: s.LagBytes, LagSeconds: s.LagSeconds,
			Lines: uint64(max(0, s.Lines)), LastError: s.LastError, Position: position(&s.Position),
		})
	}
	out.Containers = append(out.Containers, unknown(c.discovery)...)
	return out
}

// unknown returns the containers that exist and of which nothing can be learnt.
func unknown(d *discover.Discovery) (out []status.ContainerStatus) {
	for id, why := range d.Unknown() {
		out = append(out, status.ContainerStatus{
			Name: id[:min(12, len(id))], ID: id, Route: logs.Unreadable.String(), Reason: why, LagBytes: -1, LagSeconds: -1,
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
