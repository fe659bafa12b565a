package tail

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

// snapshot is which files a log has, and in what order, while rotation may go on: they are
// looked at until two looks have seen the same. Files have no names of their own and no
// time that could be relied on: all parts of a long line have one timestamp, and clocks are
// set back. But a look goes from the highest number to the live file, and rotation only
// ever makes a file's number higher: so what a look sees is in order, whatever is renamed
// meanwhile, though it may end early. What was opened stays open from look to look, so that
// nothing that was seen is lost to the rotation, and no inode is used again.
type snapshot struct {
	live   string
	format format
	// files are those that are open, and opened those that were opened here.
	files  map[identity]*generation
	opened []*generation
	seen   [][]sighting
	// past are names of files that are not opened, as they are older than what is looked
	// for, and passed what stands for these.
	past   []name
	passed map[identity]*generation
	// below is where descriptors end. most is how many files are opened, 0 for all: then
	// want of descriptors is no error, and cut is set when the last look ended for that.
	below, most int
	cut         bool
}

// sighting is a file and the name it had when a look came by.
type sighting struct {
	name name
	file *generation
}

// maxLooks bounds the attempts to see a log between two rotations.
const maxLooks = 50

// newSnapshot begins with files that are open already.
func newSnapshot(live string, in format, known []*generation) *snapshot {
	s := &snapshot{live: live, format: in, files: make(map[identity]*generation), passed: make(map[identity]*generation)}
	for _, g := range known {
		s.files[g.id] = g
	}
	return s
}

// settle looks until two looks have seen the same: at the moment between them that was
// all there is. Where rotation is too quick for that, it makes do with what was seen.
func (s *snapshot) settle() error {
	var before []sighting
	for i := range maxLooks {
		now, err := s.look()
		if err != nil {
			return err
		}
		s.seen = append(s.seen, now)
		if i > 0 && slices.EqualFunc(before, now, func(a, b sighting) bool { return a.file == b.file && a.name.path == b.name.path }) {
			return nil
		}
		before = now
	}
	return nil
}

// look opens all files that there are, oldest first. Whenever it comes to one it makes
// sure that the one before has kept its number and that there is still none between. If
// not, there was a rotation, and it goes back to where the one before is now; it ends
// where that is gone. So a look misses no file between two that it sees.
func (s *snapshot) look() (out []sighting, err error) {
	numbers, err := rotatedOf(s.live)
	if err != nil {
		return nil, err
	}
	slots := numbers.slots(compressedLater)
	w := walk{snapshot: s, slots: slots, before: nowhere}
	for steps := 0; w.at < len(slots) && err == nil; steps++ {
		err = w.step(steps > maxSteps*len(slots))
	}
	if s.cut = NoDescriptor(err) && s.most > 0 && len(s.opened) > 0; s.cut {
		err = nil
	}
	return w.out, err
}

// maxSteps bounds the steps of a walk, per slot.
const maxSteps = 10

// walk is a look under way.
type walk struct {
	*snapshot
	slots []slot
	out   []sighting
	// at is the slot to look at next, and before that of the last file seen.
	at, before int
}

// nowhere is the place of a file that is not there.
const nowhere = -1

// step looks at one slot. Where it hurries a rotation does not send it back.
func (w *walk) step(hurry bool) error {
	at := w.at
	w.at++
	now, err := w.find(w.slots[at])
	if err != nil || now.file == nil {
		return err
	}
	if !hurry {
		calm, err := w.calm(at)
		if err != nil || !calm {
			return err
		}
	}
	w.out, w.before = append(w.out, now), at
	return nil
}

// calm reports whether the last file seen is still the next before a slot. If not, it goes
// back to it; where that is gone, it ends.
func (w *walk) calm(at int) (bool, error) {
	var last *generation
	if len(w.out) > 0 {
		last = w.out[len(w.out)-1].file
	}
	alone := true // there is nothing between
	for place, slot := range slices.Backward(w.slots[:at]) {
		now, err := w.find(slot)
		if err != nil {
			return false, err
		}
		switch {
		case now.file == nil:
			continue
		case now.file == last && alone && place == w.before:
			return true, nil
		case now.file == last:
			w.at, w.before = place+1, place
			return false, nil
		}
		alone = false
	}
	if last == nil && alone {
		return true, nil
	}
	if w.at = len(w.slots); last == nil {
		w.at = 0
	}
	return false, nil
}

// find returns the file that is in a slot now; none is no error.
func (s *snapshot) find(in slot) (out sighting, err error) {
	if in.besides() {
		return s.beside(in[0])
	}
	for i, path := range in {
		out, err = s.at(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if i > 0 && err == nil && nameOf(in[0], s.live).id != (identity{}) {
			// A rotation has come between the two names: this is the copy, not whole
			// yet perhaps, of what the first one now stands for.
			return s.find(in)
		}
		return out, err
	}
	return sighting{}, nil
}

// beside returns a compressed file that is there beside one with its number, when it is not
// the copy of that one: the engine never leaves two such, but somebody else has moved one
// there.
func (s *snapshot) beside(path string) (sighting, error) {
	plain := strings.TrimSuffix(path, gzipSuffix)
	id := nameOf(plain, s.live).id
	if id == (identity{}) {
		return sighting{}, nil
	}
	out, err := s.at(path)
	if err == nil && out.file.file != nil {
		var moved sighting
		if moved, err = s.at(plain); err == nil && !s.apart(out.file, moved.file, plain) {
			return sighting{}, nil
		}
	}
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && nameOf(plain, s.live).id != id:
		return sighting{}, nil // rotated between: the next look shows it
	case err != nil:
		return sighting{}, err
	}
	return out, nil
}

// apart reports whether a compressed file was not made of another, which has a path.
func (s *snapshot) apart(z, g *generation, path string) bool {
	if g.compressed || !z.compressed {
		return false
	}
	// One that is being read is its reader's.
	if slices.Contains(s.opened, z) && z.recognise() != nil || z.fingerprint == 0 {
		return false
	}
	if g.file != nil {
		return z.fingerprint != g.asNow().fingerprint
	}
	known, err := openIdentified(path, s.format) // which is not opened for being older
	if err != nil {
		return false
	}
	defer func() { _ = known.close() }()
	return known.fingerprint != 0 && z.fingerprint != known.fingerprint
}

// compressedLater reports whether the compressed file with a number begins later than the
// other one.
func compressedLater(live string, number int) bool {
	var times [2]int64
	for i, path := range slotOf(live, number) {
		g, err := openGeneration(path, nil)
		if err != nil {
			return false
		}
		g.format = sniffed(g.data)
		first, ok := g.firstRecord()
		_ = g.close()
		if !ok {
			return false
		}
		times[i] = first.Time
	}
	return times[1] > times[0]
}

// at returns the file that a path stands for now.
func (s *snapshot) at(path string) (sighting, error) {
	n := nameOf(path, s.live)
	if g := s.files[n.id]; g != nil {
		return sighting{n, g}, nil
	}
	if n.remains(s.past) {
		return sighting{n, s.pass(n.id)}, nil
	}
	n, g, err := s.open(path)
	return sighting{n, g}, err
}

// pass returns what stands for a file that is not opened.
func (s *snapshot) pass(id identity) *generation {
	if s.passed[id] == nil {
		s.passed[id] = &generation{origin: origin{id: id}}
	}
	return s.passed[id]
}

// open opens the file that a path stands for, unless it is open by now.
func (s *snapshot) open(path string) (name, *generation, error) {
	f, info, err := open(path)
	if err != nil {
		return name{}, nil, err
	}
	n := newName(path, s.live, info)
	if known := s.files[n.id]; known != nil { // renamed meanwhile
		_ = f.Close()
		return n, known, nil
	}
	if !fits(f, s.below) || s.most > 0 && len(s.opened) >= s.most {
		_ = f.Close()
		return name{}, nil, errNoRoom
	}
	g := newGeneration(f, info, isCompressed(path), s.format)
	s.take(g)
	return n, g, nil
}

func (s *snapshot) take(g *generation) {
	s.files[g.id] = g
	s.opened = append(s.opened, g)
}

// names returns what the last look has seen.
func (s *snapshot) names() (out []name) {
	if len(s.seen) == 0 {
		return nil
	}
	for _, sighting := range s.seen[len(s.seen)-1] {
		out = append(out, sighting.name)
	}
	return out
}

// closeBut closes what was opened here but those.
func (s *snapshot) closeBut(those []*generation) {
	for _, g := range s.opened {
		if !slices.Contains(those, g) {
			_ = g.close()
		}
	}
}

// openAll opens all files of a log, oldest first, the live one last. It returns the
// names of the last look, too. Where there are more than descriptors it opens some, from
// the one on that a position speaks of, and cut is true.
func openAll(live string, in format, from logs.FilePosition, below int) (all []*generation, listed []name, cut bool, err error) {
	s := newSnapshot(live, in, nil)
	s.below = below
	defer func() { s.closeBut(all) }()
	err = s.settle()
	if NoDescriptor(err) {
		s = s.frugal(beforePosition(live, in, from))
		err = s.settle()
	}
	if err != nil {
		return nil, nil, false, err
	}
	found := slices.DeleteFunc(s.ordered(), func(g *generation) bool { return g.file == nil })
	for _, g := range found {
		if err := g.recognise(); err != nil {
			return nil, nil, false, err
		}
	}
	return s.unique(found), s.names(), s.cut, nil
}
