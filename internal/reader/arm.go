package reader

import (
	"errors"

	"github.com/lighterman/lighterman/internal/tail"
)

// maxMisses is how many slow polls in a row may find the live file's path gone
// while the file itself exists.
const maxMisses = 3

var (
	errDetached  = errors.New("the log file's directory cannot be reached any more")
	errNotAtPath = errors.New("the file that is read is not the one at its path")
	errUnwatched = errors.New("nothing reports changes of the journal")
)

// arm sets the watch of a source, and looks once more: what was written before
// the watch stood is not reported.
func (r *Reader) arm(s *Source) {
	if s.file != nil && s.log.Files() == 0 {
		return // no file yet: its directory is watched
	}
	switch err := s.arm(); {
	case errors.Is(err, errDetached):
		s.end(err)
		return
	case err != nil:
		r.ticks.addSlow(s)
		return
	}
	switch end, err := s.log.AtEnd(); {
	case tail.NoDescriptor(err):
		r.ticks.addSlow(s)
	case err != nil:
		s.end(err)
	case !end:
		r.enqueue(s)
	}
}

// arm makes the next change wake the source. Its error says that nothing reports
// changes: also when the path is gone, as the engine may still write to the file.
func (s *Source) arm() error {
	if s.file == nil {
		if !s.sleep() {
			return errUnwatched
		}
		return nil
	}
	if s.file.OffPath() {
		return errNotAtPath
	}
	err := s.watch.Arm(s.file.Path())
	if err == nil {
		s.state.misses = 0
		return nil
	}
	if s.state.misses++; s.state.misses > maxMisses && s.file.Detached() {
		return errDetached
	}
	return err
}
