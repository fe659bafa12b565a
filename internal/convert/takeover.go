package convert

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	plainfile "github.com/lighterman/lighterman/internal/plain"
	"github.com/lighterman/lighterman/internal/tail"
)

// overlap is how long before the time of the old collector's last line lighterman begins, in
// nanoseconds. That is the last line it has read, in whole seconds: one that was killed had
// not sent its batch, which waits for a second by default, and for some in many files. What
// is sent again is the same entry to Loki, if labels are the same.
const overlap = 10e9

// disorder is how far lines of a container may be out of order, in nanoseconds.
const disorder = 3e9

// TakeOver makes lighterman begin where the old collector has stopped. Containers, and files of
// the host, that lighterman knows already stay where they are. It returns for how many a
// position was made.
func TakeOver(list []Position, known func(id string) bool, commit func(id string, p logs.Position)) (made int, found []Finding) {
	var f findings
	done := make(map[string]bool)
	for _, at := range list {
		id, p, err := at.position()
		switch {
		case id != "" && !done[id] && known(id):
			f.note(at.Line, at.name(), "lighterman has a position of its own for it, which stays", "")
		case err != nil:
			f.lost(at.Line, at.name(), err.Error(), "its log is read from --since on")
		case done[id]: // a time and a place
			f.note(at.Line, at.name(), "there are two positions of it, and the other one is taken", "")
		default:
			commit(id, p)
			done[id] = true
			made++
		}
	}
	return made, f.sorted()
}

// name is what messages call it.
func (at Position) name() string {
	if at.Journal != "" {
		return "the journal's section " + at.Journal
	}
	if at.ID == "" {
		return strconv.Quote(at.File)
	}
	return "container " + at.ID[:12]
}

// position is that of lighterman, and of what.
func (at Position) position() (id string, p logs.Position, err error) {
	switch {
	case at.Journal != "":
		return logs.HostJournalID + at.Journal, logs.Position{Journal: [logs.Streams]logs.JournalPosition{at.Cursor, at.Cursor}}, nil
	case at.ID == "":
		return plainfile.PlaceAt(at.File, at.Offset)
	case at.File == "":
		// The first second is the beginning: 0 would mean all of the log as well.
		return at.ID, logs.Position{Since: max(1, at.Seconds*1e9-overlap)}, nil
	}
	place, err := tail.PlaceAt(at.File, at.Offset)
	if err != nil {
		return at.ID, p, err
	}
	since, err := timeAt(at.File, at.Offset)
	// The time is for the way through the engine, which knows no offsets.
	return at.ID, logs.Position{File: place, Since: max(1, since-disorder)}, err
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
