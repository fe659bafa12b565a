package collect

import "github.com/lighterman/lighterman/internal/reader"

// openHostFile opens a file of the host, as far as it is opened before there is something to
// read.
func (c *Collector) openHostFile(u *unit, with reader.Start) *reader.Source {
	config := c.config.HostFile(u.ID)
	config.Path, config.Resume, config.Rules = u.route().Path, u.position, u.Rules(u.position)
	config.MaxLine, config.Events, config.Log = c.config.MaxLine, c.config.Metrics, u.Log
	return c.readers[u.lane].OpenPlain(with, config)
}
