package convert

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
)

// overlap is how long before the time of the old collector's last line lighterman begins, in
// nanoseconds. That time has whole seconds, and lines of a container are a little out of
// order. What is sent again is the same entry to Loki, if labels are the same.
const overlap = 1e9

// TakeOver makes lighterman begin where the old collector has stopped. Containers that
// lighterman knows already stay where they are. It returns for how many a position was made.
func TakeOver(list []Position, known func(id string) bool, commit func(id string, p logs.Position)) (made int, found []Finding) {
	var f findings
	done := make(map[string]bool)
	for _, at := range list {
		if !done[at.ID] && known(at.ID) {
			f.note(at.Line, "container "+at.ID[:12], "lighterman has a position of its own for it, which stays", "")
			continue
		}
		p, err := at.position()
		if err != nil {
			f.lost(at.Line, "container "+at.ID[:12], err.Error(), "its log is read from --since on")
			continue
		}
		if done[at.ID] { // a time and a place
			f.note(at.Line, "container "+at.ID[:12], "there are two positions of it, and the other one is taken", "")
			continue
		}
		commit(at.ID, p)
		done[at.ID] = true
		made++
	}
	return made, f.sorted()
}

// position is that of lighterman.
func (at Position) position() (logs.Position, error) {
	if at.File == "" {
		// The first second is the beginning: 0 would mean all of the log as well.
		return logs.Position{Since: max(1, at.Seconds*1e9-overlap)}, nil
	}
	place, err := tail.PlaceAt(at.File, at.Offset)
	if err != nil {
		return logs.Position{}, err
	}
	since, err := timeAt(at.File, at.Offset)
	if err != nil {
		return logs.Position{}, err
	}
	// The time is for the way through the engine, which knows no offsets.
	return logs.Position{File: place, Since: max(1, since-3*overlap)}, nil
}

// timeAt returns the time of the record at an offset, or of the last write where there is
// none yet.
func timeAt(path string, offset int64) (int64, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if offset >= info.Size() {
		return info.ModTime().UnixNano(), nil
	}
	line, err := bufio.NewReader(io.NewSectionReader(f, offset, 1<<20)).ReadBytes('\n')
	var record struct{ Time time.Time }
	if err != nil || json.Unmarshal(line, &record) != nil || record.Time.IsZero() {
		return 0, fmt.Errorf("there is no record at byte %d of %s", offset, path)
	}
	return record.Time.UnixNano(), nil
}
