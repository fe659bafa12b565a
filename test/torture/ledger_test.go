package torture

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/test/lines"
)

// ledger is what Docker stored of one container: what Loki must show.
type ledger struct {
	id, name, driver string
	tty              bool
	// maxFile is how many files rotation leaves; 0 when it does not rotate.
	maxFile int
	// files are the generations of the log, in order.
	files []*generation
	// copies are the compressed files there whose originals were seen.
	copies map[named]bool
	lines  []line
	// proven holds who the lines are that prove themselves.
	proven map[uint64]bool
	// had are the times in which a lighterman was seen to hold the log.
	had []interval
	// answers are what the engine's API has sent of it.
	answers []answer
	// removedAt is when the container was removed; zero when it was not.
	removedAt time.Time

	// open is, per stream, the line whose end has not come, with its part.
	open map[string]*pending
	// shift counts equal lines of one timestamp.
	shift   map[uint64]int64
	shiftAt int64
}

type line struct {
	key  uint64 // of stream, time and text
	time int64
	// stamp is the timestamp that Docker gave it: equal lines of one have times of their own.
	// stored is the key with that.
	stream string
	stamp  int64
	stored uint64
	// file and until are the first and the last file that it was written to.
	file, until int32
	size        int32
	got         bool
	head        string // its beginning, for reports
	with        string // the labels it was seen with
}

type pending struct {
	record
	file, until int32
}

// interval is a span of time; to is zero while it lasts.
type interval struct{ from, to time.Time }

func newLedger(id, name, driver string, tty bool) *ledger {
	return &ledger{id: id, name: name, driver: driver, tty: tty, copies: map[named]bool{}, proven: map[uint64]bool{}, open: map[string]*pending{}, shift: map[uint64]int64{}}
}

// add takes a record and joins it to the line it is a part of.
func (l *ledger) add(r record, file int32) {
	if p := l.open[r.stream]; p != nil {
		if p.time == r.time && p.part == r.part {
			p.text = append(p.text, r.text...)
			p.more, p.until = r.more, file
			if !r.more {
				l.finish(r.stream)
			}
			return
		}
		l.finish(r.stream)
	}
	l.open[r.stream] = &pending{record{time: r.time, stream: r.stream, text: slices.Clone(r.text), more: r.more, part: r.part}, file, file}
	if !r.more {
		l.finish(r.stream)
	}
}

func (l *ledger) finish(stream string) {
	p := l.open[stream]
	delete(l.open, stream)
	if p.time != l.shiftAt {
		clear(l.shift)
		l.shiftAt = p.time
	}
	same := xxhash.Sum64(append([]byte(stream), p.text...))
	at := p.time + l.shift[same]
	l.shift[same]++
	text := string(p.text)
	who, ok := lines.ReadChecked(trim(text, l.tty))
	if ok {
		l.proven[xxhash.Sum64String(who)] = true
	}
	l.lines = append(l.lines, line{key: key(stream, at, text), time: at, stream: stream, stamp: p.time, stored: key(stream, p.time, text), file: p.file, until: p.until, size: int32(len(text)), head: strings.Clone(text[:min(48, len(text))])})
}

// seal ends all lines and sorts them for find.
func (l *ledger) seal() {
	for stream := range l.open {
		l.finish(stream)
	}
	slices.SortFunc(l.lines, func(a, b line) int { return cmp.Compare(a.key, b.key) })
}

// gone returns when Docker deleted a file, compressed or not: when rotation made
// as many newer ones as it keeps, with the container, or when it was killed as it
// compressed the file. It is zero when it is still there.
func (l *ledger) gone(file int32) time.Time {
	gone := l.removedAt
	if newer := int(file) + l.maxFile; l.maxFile > 0 && newer < len(l.files) {
		gone = l.files[newer].born
	}
	if destroyed := l.files[file].destroyed; !destroyed.IsZero() && (gone.IsZero() || destroyed.Before(gone)) {
		return destroyed
	}
	return gone
}

// find returns the line with a key, or nil.
func (l *ledger) find(key uint64) *line {
	i, ok := slices.BinarySearchFunc(l.lines, key, func(a line, key uint64) int { return cmp.Compare(a.key, key) })
	if !ok {
		return nil
	}
	// Several are alike only where two hashes are.
	for i+1 < len(l.lines) && l.lines[i].got && l.lines[i+1].key == key {
		i++
	}
	return &l.lines[i]
}

// trim takes the carriage return of a terminal off.
func trim(text string, tty bool) string {
	if tty && len(text) > 0 && text[len(text)-1] == '\r' {
		return text[:len(text)-1]
	}
	return text
}

func key(stream string, at int64, text string) uint64 {
	h := xxhash.New()
	var b [9]byte
	for i := range 8 {
		b[i] = byte(at >> (8 * i))
	}
	b[8] = stream[len(stream)-1] // stdout, stderr
	_, _ = h.Write(b[:])
	_, _ = h.WriteString(text)
	return h.Sum64()
}
