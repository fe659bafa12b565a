package collect

import (
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/reader"
)

// openHostFile opens a file of the host, as far as it is opened before there is something to
// read.
func (c *Collector) openHostFile(u *unit, with reader.Start) *reader.Source {
	config := c.config.HostFile(u.producer.ID)
	config.Path, config.Resume, config.Rules = u.route().Path, u.position, u.producer.Rules(u.position)
	config.MaxLine, config.Events, config.Log = c.config.MaxLine, c.config.Metrics, u.producer.Log
	return c.readers[u.lane].OpenPlain(with, config)
}

// openHostJournal opens what is read of the host's journal.
func (c *Collector) openHostJournal(u *unit, with reader.Start) *reader.Source {
	host, selection := c.config.HostJournal(u.producer.ID)
	return c.readers[u.lane].OpenJournal(with, logs.HostJournal, host, journal.Options{
		ID: u.producer.ID, Host: selection, Resume: u.position, Rules: u.producer.Rules(u.position), MaxLine: c.config.MaxLine, Events: c.config.Metrics, Log: u.producer.Log,
	})
}
