package checkpoint

import (
	"maps"
	"slices"
	"sync"

	"github.com/lighterman/lighterman/internal/logs"
)

// Memory keeps positions as long as the process lives: for a look at a host that
// leaves nothing behind.
type Memory struct {
	mu      sync.Mutex // guards both fields
	records map[string]Record
	after   []func()
}

// NewMemory makes a Memory that knows nothing.
func NewMemory() *Memory { return &Memory{records: make(map[string]Record)} }

// Get returns the record of a container.
func (m *Memory) Get(id string) (Record, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[id]
	return r, ok
}

// IDs returns the IDs of all records, sorted.
func (m *Memory) IDs() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.records))
}

// Commit notes that a container's log has been acknowledged up to p. It copies p.
func (m *Memory) Commit(id string, p logs.Position) {
	for s := range p.Newest {
		p.Newest[s] = copyMark(p.Newest[s], logs.Mark{})
	}
	m.change(id, func(r *Record) { r.Position = p })
}

// SetLabels replaces the label timeline of a container.
func (m *Memory) SetLabels(id string, timeline []LabelsSince) {
	m.change(id, func(r *Record) { r.Labels = slices.Clone(timeline) })
}

func (m *Memory) change(id string, change func(*Record)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[id]
	r.ID = id
	change(&r)
	m.records[id] = r
}

// Forget removes the record of a container.
func (m *Memory) Forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
}

// AfterSave calls f at the next Save, which is as safe as it gets here.
func (m *Memory) AfterSave(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.after = append(m.after, f)
}

// SaveAgain is Save.
func (m *Memory) SaveAgain() error { return m.Save() }

// Save calls what waits for it.
func (m *Memory) Save() error {
	m.mu.Lock()
	waiting := m.after
	m.after = nil
	m.mu.Unlock()
	for _, f := range waiting {
		f()
	}
	return nil
}
