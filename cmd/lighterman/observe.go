package main

import (
	"errors"
	"fmt"
	"time"

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
	c.server.Ready("engine", func() error {
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
	watches, overflows := c.watcher.Stats()
	saved := c.store.Stats()
	out := status.Snapshot{
		Version: version(), Started: started, BufferedBytes: int64(c.dispatcher.Held()),
		EngineConnected: connected, APIStreams: streams,
		InotifyWatches: watches, InotifyOverflows: overflows,
		CheckpointSaves: saved.Saves, CheckpointFailures: saved.Failures,
		CheckpointError: saved.LastError, CheckpointAge: saved.Age.Seconds(),
	}
	for _, s := range containers {
		out.Containers = append(out.Containers, status.ContainerStatus{
			Name: s.Container.Name, ID: s.Container.ID, Driver: s.Container.Driver,
			Route: s.Route.Kind.String(), Reason: s.Route.Reason,
			LagBytes: s.LagBytes, LagSeconds: s.LagSeconds,
			Lines: uint64(max(0, s.Lines)), LastError: s.LastError,
		})
	}
	return out
}
