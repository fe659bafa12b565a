package checkpoint

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

var short = logs.NewLabels(map[string]string{"container": "a"}, map[string]string{"id": "b"})

// model makes random changes to a store and knows what its files may hold.
type model struct {
	t   *testing.T
	rng *rand.Rand
	dir string
	s   *Store
	// history is what everything was, by the number of the frame that has it.
	history map[uint64]map[string]Record
	// plain is what a map makes of the changes.
	plain map[string]Record
	gone  map[string]bool
	// flushed is the newest frame, and safe the newest that both files must have.
	flushed, safe uint64
	// checked is the frame whose records were compared last: most bytes have the same.
	checked uint64
}

// note notes what the frames have that a step may have written.
func (m *model) note() {
	for n := m.flushed + 1; n <= m.s.table.number; n++ {
		m.history[n] = maps.Clone(m.plain)
	}
	m.flushed = m.s.table.number
}

// change makes a random change, in the store and in the map.
func (m *model) change() {
	id, n := string(rune('a'+m.rng.IntN(6))), m.rng.Int64N(1<<40)
	r := m.plain[id]
	r.ID = id
	switch m.rng.IntN(6) {
	case 0:
		m.s.Forget(id)
		delete(m.plain, id)
		m.gone[id] = true
	case 1, 2:
		timeline := []LabelsSince{{From: n, Labels: short}, {From: n + 1}}[:m.rng.IntN(3)]
		m.s.SetLabels(id, timeline)
		r.Labels = timeline[:min(1, len(timeline))]
		if len(r.Labels) == 0 {
			r.Labels = nil
		}
		m.plain[id] = r
		delete(m.gone, id)
	default:
		p := logs.Position{File: logs.FilePosition{Inode: uint64(n)}, Last: n}
		if m.rng.IntN(4) == 0 {
			p = position(n)
		}
		m.s.Commit(id, p)
		if !m.gone[id] {
			r.Position = p
			m.plain[id] = r
		}
	}
}

// step takes a random step.
func (m *model) step() {
	switch m.rng.IntN(16) {
	case 0:
		must(m.t, m.s.Save())
	case 1:
		must(m.t, m.s.SaveAgain())
		m.note()
		m.safe = m.flushed
	case 2:
		m.change()
		now := maps.Clone(m.plain)
		m.s.AfterSave(func() {
			if !equal(now, m.plain) {
				m.t.Error("the model has gone on")
			}
		})
		must(m.t, m.s.Save())
		m.note()
		m.safe = m.flushed
	case 3: // a file is replaced, and something is flushed meanwhile, or it fails
		m.s.Flush()
		m.note()
		v := <-m.s.saver
		f, err := m.s.write(v)
		must(m.t, err)
		m.note()
		if m.rng.IntN(2) == 0 {
			m.change()
			m.s.Flush()
			m.note()
		}
		if m.rng.IntN(4) == 0 {
			err = errTooLarge
		}
		if (m.s.install(f, err) == nil) != (err == nil) {
			m.t.Error("it cannot be replaced")
		}
		m.s.saver <- v
		m.note()
		m.change()
		m.s.Flush() // what failed has a number, and is no frame
	case 4:
		m.s.Flush()
		m.note()
		mustClose(m.t, m.s)
		m.open()
	case 5, 6, 7, 8:
		m.s.Flush()
	default:
		m.change()
		return // it is in no frame yet
	}
	m.note()
}

func (m *model) open() {
	m.s, _ = open(m.t, m.dir)
	m.gone = make(map[string]bool)
	if got := all(m.s); !equal(got, m.plain) {
		m.t.Fatalf("opened: got %+v, want %+v", got, m.plain)
	}
	m.note()
}

// check verifies that the files may hold this, and that they hold as much as they must.
func (m *model) check(what string, at int, all [copies]contents, least uint64) {
	m.t.Helper()
	best := newest(all)
	if best < 0 {
		if least > 0 {
			m.t.Fatalf("%s at %d: nothing is left", what, at)
		}
		return
	}
	number := all[best].number
	if number >= least && number == m.checked && at%16 != 0 {
		return
	}
	m.checked = number
	want, known := m.history[number]
	// The number of a new file is that of no change.
	tooOld := number < least && !equal(want, m.history[least])
	if got := exported(all[best].records); tooOld || !known || !equal(got, want) {
		m.t.Fatalf("%s at %d: frame %d, at least %d: got %+v, want %+v", what, at, number, least, got, want)
	}
}

// crash damages the files at every byte, one at a time and both.
func (m *model) crash() {
	var data [copies][]byte
	var sound [copies]contents
	for i, name := range names {
		data[i], _ = readIfThere(m.dir, name)
		sound[i] = decode(data[i])
	}
	m.check("undamaged", 0, sound, m.flushed)
	d := <-m.s.disk
	mirrored := d.files[current] != nil && d.files[previous] != nil
	m.s.disk <- d
	for i := range data {
		least := m.safe
		if mirrored {
			least = m.flushed
		}
		for at := range data[i] {
			one, both := sound, sound
			one[i] = decode(data[i][:at])
			m.check("cut", at, one, least)
			other := 1 - i
			both[i], both[other] = one[i], decode(data[other][:min(len(data[other]), at)])
			m.check("both cut", at, both, 0)
			changed := append([]byte(nil), data[i]...)
			changed[at] ^= byte(1 + m.rng.IntN(255))
			one[i] = decode(changed)
			if one[i].problem == nil {
				m.t.Fatalf("a file changed at %d passes", at)
			}
			m.check("changed", at, one, least)
		}
		// What follows the end, as a power cut leaves it.
		for _, tail := range [][]byte{make([]byte, 100), data[1-i]} {
			one := sound
			one[i] = decode(append(append([]byte(nil), data[i]...), tail...))
			m.check("longer", 0, one, m.flushed)
		}
	}
}

func readIfThere(dir, name string) ([]byte, error) { return readOwn(dir+"/"+name, maxFileSize) }

// TestModel: whatever is done, and at whatever byte a file ends or is changed, what Open
// finds is what once was, and as new as it must be: with one file damaged nothing is lost
// that both have.
func TestModel(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		m := &model{t: t, rng: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), history: map[uint64]map[string]Record{}, plain: map[string]Record{}}
		m.open()
		for range 3 {
			for range 8 + m.rng.IntN(16) {
				m.step()
			}
			m.crash()
		}
		mustClose(t, m.s)
	}
}
