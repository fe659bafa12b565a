package checkpoint

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Store holds the records of all containers in memory and saves them to a
// state directory. All methods may be called from several goroutines.
type Store struct {
	dir      string // empty for one that is only in memory
	log      *slog.Logger
	interval time.Duration
	born     time.Time
	// wake has one element while there are changes that Run has not seen, and hurry
	// while it has not seen that they are to be saved soon.
	wake, hurry chan struct{}

	// Whoever has taken the saver or the disk from its channel owns it until it is put
	// back. Who has both took the saver first. mu is never held during I/O, so a commit
	// never waits for a disk, and a flush does not wait for a save.
	saver chan *saver
	disk  chan *disk

	mu    sync.Mutex // guards the fields below
	table table
	// since is the time of the oldest change that no save has taken up, and
	// writing that of the oldest change in the save that is under way. Zero
	// when there is none.
	since, writing time.Time
	// waiting is what waits for the next save.
	waiting []func()
	stats   Stats
}

// Stats tells how the saving goes.
type Stats struct {
	Saves    uint64
	Failures uint64
	// LastError is the reason why the last save failed, empty when it did not.
	LastError string
	// Age is the age of the oldest change that is not on disk, 0 when all is.
	Age time.Duration
}

func newStore(dir string, log *slog.Logger) *Store {
	s := &Store{
		dir:      dir,
		log:      log,
		interval: saveInterval,
		born:     time.Now(),
		wake:     make(chan struct{}, 1),
		hurry:    make(chan struct{}, 1),
		saver:    make(chan *saver, 1),
		disk:     make(chan *disk, 1),
		table:    table{records: make(map[string]*record)},
	}
	s.disk <- &disk{dir: dir}
	return s
}

// NewMemory makes a Store that knows nothing and keeps positions as long as the process
// lives: for a look at a host that leaves nothing behind.
func NewMemory() *Store {
	s := newStore("", nil)
	s.saver <- &saver{}
	return s
}

// Born returns the time of the first start with this state directory.
func (s *Store) Born() time.Time { return s.born }

// Get returns the record of a container. The caller may change it.
func (s *Store) Get(id string) (Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.table.records[id]
	if !ok {
		return Record{}, false
	}
	return r.export(id), true
}

// IDs returns the IDs of all records, sorted.
func (s *Store) IDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.table.sorted())
}

// Commit notes that a container's log has been acknowledged up to p. It copies
// p. The first commit of a container makes its record.
//
// A commit that comes after Forget belongs to a batch that was in flight when
// the container went. It is dropped: a record that nobody
// forgets again would stay in the file for ever.
func (s *Store) Commit(id string, p logs.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table.forgotten.has(id) {
		return
	}
	if r := s.table.records[id]; r != nil && p.Behind(&r.position) {
		return
	}
	s.touch(id).setPosition(p)
}

// SetLabels replaces the label timeline of a container; elements without labels
// are left out. Whoever calls it declares the container to be there: it makes
// the record when there is none, also after Forget.
func (s *Store) SetLabels(id string, timeline []LabelsSince) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table.forgotten.remove(id)
	s.touch(id).setLabels(timeline)
}

// Forget removes the record of a container that is gone and delivered.
func (s *Store) Forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table.forget(id) {
		s.changed()
	}
}

// Stats returns the present state.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return Stats{}
	}
	out := s.stats
	oldest := s.writing
	if oldest.IsZero() {
		oldest = s.since
	}
	if !oldest.IsZero() {
		out.Age = time.Since(oldest)
	}
	return out
}

// touch returns the record of id, which is about to change. One that it has to make is
// saved soon: where a container begins is not told again.
func (s *Store) touch(id string) *record {
	r, made := s.table.record(id)
	if made {
		signal(s.hurry)
	}
	s.table.note(id)
	s.changed()
	return r
}

// changed notes a change and wakes Run with the first one.
func (s *Store) changed() {
	if s.since.IsZero() {
		s.since = time.Now()
		signal(s.wake)
	}
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
