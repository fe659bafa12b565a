package checkpoint

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Store holds the records of all containers in memory and saves them to a
// state directory. All methods may be called from several goroutines.
type Store struct {
	dir      string
	log      *slog.Logger
	interval time.Duration
	born     time.Time
	// wake has one element while there are changes that Run has not seen, and hurry
	// while it has not seen that they are to be saved soon.
	wake, hurry chan struct{}

	// saving is held during a save, so that saves do not overlap and none
	// begins once the lock is given back. It is taken before mu.
	saving sync.Mutex
	lock   *os.File // nil once closed
	buf    []byte

	// logFile has the changes since the last save.
	logFile logFile

	// mu guards the fields below; it is never held during I/O, so a commit
	// never waits for a disk.
	mu      sync.Mutex
	records map[string]*record
	// order is the sorted IDs, nil when it must be made again.
	order     []string
	forgotten forgotten
	// since is the time of the oldest change that no save has taken up, and
	// writing that of the oldest change in the save that is under way. Zero
	// when there is none.
	since, writing time.Time
	// after is what waits for the next save, and settling for the one under way.
	after, settling []waiter
	// base is the identity of the positions on disk, 0 while there are none.
	base uint64
	// unlogged holds the IDs of the records that were changed, made or forgotten
	// and are not in the log yet; spare is its memory for the next time.
	unlogged, spare []string
	// owed holds the identities of snapshots that have no mark in the log yet.
	owed  []uint64
	stats Stats
}

// Stats tells how the saving goes.
type Stats struct {
	Saves    uint64
	Failures uint64
	// Late is the number of commits that were dropped because they came after
	// their container was forgotten.
	Late uint64
	// LastError is the reason why the last save failed, empty when it did not.
	LastError string
	// LogError is the reason why what was acknowledged since the last save would
	// not survive a kill, empty when it would.
	LogError string
	// Age is the age of the oldest change that is not on disk, 0 when all is.
	Age time.Duration
}

// Get returns the record of a container. The caller may change it.
func (s *Store) Get(id string) (Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[id]
	if !ok {
		return Record{}, false
	}
	return r.export(id), true
}

// IDs returns the IDs of all records, sorted.
func (s *Store) IDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sorted())
}

// Commit notes that a container's log has been acknowledged up to p. It copies
// p. The first commit of a container makes its record.
//
// A commit that comes after Forget belongs to a batch that was in flight when
// the container went. It is dropped and counted as late: a record that nobody
// forgets again would stay in the file for ever.
func (s *Store) Commit(id string, p logs.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgotten.has(id) {
		s.stats.Late++
		return
	}
	s.record(id).setPosition(p)
	s.note(id)
	s.changed()
}

// SetLabels replaces the label timeline of a container; elements without labels
// are left out. Whoever calls it declares the container to be there: it makes
// the record when there is none, also after Forget.
func (s *Store) SetLabels(id string, timeline []LabelsSince) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten.remove(id)
	r := s.record(id)
	r.setLabels(timeline)
	r.relabelled = true
	s.note(id)
	s.changed()
}

// Forget removes the record of a container that is gone and delivered.
func (s *Store) Forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(id)
}

func (s *Store) forget(id string) {
	s.forgotten.add(id)
	if _, ok := s.records[id]; !ok {
		return
	}
	delete(s.records, id)
	s.order = nil
	s.note(id)
	s.changed()
}

// Stats returns the present state.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	if oldest := s.oldest(); !oldest.IsZero() {
		out.Age = time.Since(oldest)
	}
	return out
}

// oldest returns the time of the oldest change that is not on disk.
func (s *Store) oldest() time.Time {
	if !s.writing.IsZero() {
		return s.writing
	}
	return s.since
}

// record returns the record of id. It makes it, to be saved soon, when there is none.
func (s *Store) record(id string) *record {
	r, ok := s.records[id]
	if !ok {
		r = newRecord(id)
		s.records[id] = r
		s.order = nil
		signal(s.hurry) // where a container begins is not told again
	}
	return r
}

// sorted returns the sorted IDs. Commits do not change them, so they are
// rarely sorted again.
func (s *Store) sorted() []string {
	if s.order == nil {
		s.order = slices.Sorted(maps.Keys(s.records))
	}
	return s.order
}

// changed notes a change and wakes Run with the first one.
func (s *Store) changed() {
	if !s.since.IsZero() {
		return
	}
	s.since = time.Now()
	signal(s.wake)
}

// changedSoon is changed, for what is not to wait longer than soonInterval.
func (s *Store) changedSoon() {
	s.changed()
	signal(s.hurry)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
