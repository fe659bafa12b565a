package collect

import (
	"log/slog"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/stage"
)

// openHostFile opens a file of the host, as far as it is opened before there is something to
// read.
func (c *Collector) openHostFile(u *unit, with reader.Start) *reader.Source {
	config := c.config.HostFile(u.ID)
	config.Path, config.Resume, config.Rules = u.route().Path, u.position, u.Rules(u.position)
	config.MaxLine, config.Events, config.Log = c.config.MaxLine, c.config.Metrics, u.Log
	return c.readers[u.lane].OpenPlain(with, config)
}

// logOf is the log that names a container, or a file of the host.
func (c *Collector) logOf(container *logs.Container) *slog.Logger {
	if logs.IsHostFile(container.ID) {
		return c.config.Log.With("file", container.Name)
	}
	return c.config.Log.With("container", container.Name, "id", short(container.ID))
}

// stagesOf are what the lines of a container go through.
func (c *Collector) stagesOf(container *logs.Container) *stage.Pipeline {
	if c.config.StagesOf != nil {
		return c.config.StagesOf(container)
	}
	return c.config.Stages
}
