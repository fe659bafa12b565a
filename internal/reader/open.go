package reader

import (
	"errors"
	"io/fs"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/tail"
)

// Start is what a source begins with.
type Start struct {
	Producer  *producer.Producer
	Container *logs.Container
	Removed   bool
	// Before are the logs that have to be delivered first.
	Before []*producer.Producer
	// Ended is called once, on the reader's goroutine, when the source has ended: without
	// an error when it was asked to, or when a removed container's log is read.
	Ended func(logs.Position, error)
}

// newSource makes a source that has no log yet.
func (r *Reader) newSource(start Start) *Source {
	s := &Source{
		reader: r, watches: r.config.Watch, producer: start.Producer, kind: logs.File, ended: start.Ended,
		said: said{container: start.Container, removed: start.Removed},
	}
	s.state.run = runOf(start.Container, start.Removed)
	s.state.linger.newest = time.Now()
	s.Follow(start.Before)
	s.wake = func() { r.enqueue(s) }
	return s
}

// OpenFile makes a source of a log of files. It is read from Begin on.
func (r *Reader) OpenFile(start Start, config tail.Config) (*Source, error) {
	s := r.newSource(start)
	if config.Path != "" && r.config.Watch != nil {
		// Watched before opened: a rotation in between is then reported.
		watch, err := r.config.Watch(config.Path, s)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		s.watch = watch
	}
	log, err := tail.Open(config)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.log, s.file = log, log
	if config.Resume.Last == 0 {
		// What is written from now on was not there: a restart must not take it for old.
		s.producer.CommitAfter(log.Position())
	}
	if needed := log.Needed(); log.Linked() {
		// What lies before the position is delivered, or on its way.
		s.producer.After(func() { r.release(s, needed) })
	}
	r.expect(s)
	// From here on the log is the reader's: what is written wakes it, before Begin too.
	s.shared.opened.Store(true)
	s.capture() // what rotated just before was not reported
	return s, nil
}

// released lets go of links to files before the one that is needed now, once it is called
// and the position is on disk; nil where there are none.
func (r *Reader) released(s *Source) func() {
	if s.file == nil {
		return nil
	}
	needed := s.file.Needed()
	return func() { r.release(s, needed) }
}

func (r *Reader) release(s *Source, needed int) {
	if release := s.file.Delivered(needed); release != nil {
		r.config.AfterSave(release)
	}
}
