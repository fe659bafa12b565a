package assemble

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// modelLoki is what Loki keeps of entries: one of each stream, timestamp and text.
type modelLoki map[entry]bool

func (m modelLoki) take(e logs.Entry) { m[entry{e.Time, e.Stream, string(e.Line)}] = true }

// source is a log and how it may be read.
type source struct {
	records []logs.Record
	// entries is the number of lines, and texts how many there are of each text.
	entries int
	texts   map[string]int
	// byTime tells that times never fall, so that reading may be resumed by them.
	byTime bool
	// distinct means that no two lines of a stream have the same timestamp: only then do
	// times tell where a group began.
	distinct bool
	// once tells that no text has the same timestamp twice, and no more than
	// maxTexts have the same: it may then be read with DropRepeats.
	once bool
}

// saved is a position as a checkpoint has it, with the offsets that the tail
// package keeps.
type saved struct {
	position logs.Position
	offsets  [logs.Streams]int64
}

// read reads from a place to the record stop and returns the positions after
// every chunk of chunk records.
// Entries that no line can join any more are passed on now and then, as a reader does that
// has waited long enough.
func (s *source) read(a *Assembler, from saved, byTime bool, since int64, stop, chunk int, emit func(logs.Entry)) (out []saved) {
	for i, r := range s.records[:stop] {
		r.Offset = int64(i)
		skip := from.offsets[r.Stream]
		if byTime {
			skip = 0
		}
		if r.Offset >= skip && (!byTime || r.Time >= since) {
			a.Add(&r, emit)
		}
		if i%chunk == 0 || i == stop-1 {
			a.Seal()
			if grouping(a) && s.quiet(i, a.config.Group(0, 0).Gap) {
				a.FlushGroups(1<<62, emit)
			}
			if i == len(s.records)-1 {
				a.Flush(emit)
			}
			out = append(out, place(a, i+1, from, byTime))
		}
	}
	return out
}

// quiet reports whether nothing follows a record within gap.
func (s *source) quiet(i int, gap int64) bool {
	for _, next := range s.records[i+1:] {
		for _, r := range s.records[:i+1] {
			if next.Stream == r.Stream && next.Time >= r.Time && next.Time-r.Time <= gap {
				return false
			}
		}
	}
	return true
}

// place is the position after next records, those before from's left out.
func place(a *Assembler, next int, from saved, byTime bool) saved {
	at := saved{position: logs.Position{Newest: a.Newest(), Last: a.Last()}}
	for s := range at.offsets {
		at.offsets[s] = int64(next)
		if !byTime {
			at.offsets[s] = max(at.offsets[s], from.offsets[s])
		}
		if offset, _, held := a.Held(logs.Stream(s)); held {
			at.offsets[s] = offset
		}
	}
	return at
}

// since is a time from which on everything that at needs is read again.
func (s *source) since(rng *rand.Rand, at saved) int64 {
	least := int64(1 << 62)
	for i, r := range s.records {
		if m := at.position.Newest[r.Stream]; int64(i) >= at.offsets[r.Stream] || r.Time == m.Time {
			least = min(least, r.Time)
		}
	}
	return least - int64(rng.IntN(3))
}

// check reads the log with restarts from any position saved before, and wants
// in Loki what an uninterrupted run puts there: every line, once.
func (s *source) check(t *testing.T, rng *rand.Rand, group *Group, change func(e *logs.Entry) bool) {
	t.Helper()
	want, sent := make(modelLoki), 0
	s.read(New(Config{Rules: &Rules{Change: change, Group: bothStreams(group)}}, none), saved{}, false, 0, len(s.records), 1+rng.IntN(9), func(e logs.Entry) {
		want.take(e)
		sent++
	})
	texts := make(map[string]int)
	for e := range want {
		texts[e.line]++
	}
	if len(want) != sent || change == nil && group == nil && (sent != s.entries || fmt.Sprint(texts) != fmt.Sprint(s.texts)) {
		t.Fatalf("%d lines can be seen of %d that were sent and %d there are", len(want), sent, s.entries)
	}
	got := make(modelLoki)
	positions := []saved{{}}
	for restart := range 6 {
		from := positions[rng.IntN(len(positions))]
		stop := rng.IntN(len(s.records)) + 1
		if restart == 5 {
			stop = len(s.records)
		}
		byTime := s.byTime && rng.IntN(2) == 0 && (group == nil || s.distinct)
		config := Config{Rules: &Rules{Change: change, Group: bothStreams(group)}, DropRepeats: s.once && rng.IntN(2) == 0}
		a := New(config, from.position)
		if byTime {
			a.SkipDelivered(both)
		}
		// Only whole runs make positions to go on from: what is read by time up
		// to a place before from has nothing new to tell.
		read := s.read(a, from, byTime, s.since(rng, from), stop, 1+rng.IntN(9), got.take)
		for i, p := range read {
			if p.offsets[0] >= from.offsets[0] && p.offsets[1] >= from.offsets[1] && (!byTime || a.settled(i, read)) {
				positions = append(positions, p)
			}
		}
	}
	difference(t, got, want)
}

// settled tells whether a position of a run that was resumed by time stands
// beyond what was replayed; before that offsets and high-water marks do not go together.
func (a *Assembler) settled(i int, read []saved) bool {
	return i == len(read)-1 && a.Replaying() == [logs.Streams]bool{}
}

func difference(t *testing.T, got, want modelLoki) {
	t.Helper()
	for e := range want {
		if !got[e] {
			t.Fatalf("lost: %d %s %.40q", e.time, e.stream, e.line)
		}
	}
	for e := range got {
		if !want[e] {
			t.Fatalf("too much: %d %s %.40q", e.time, e.stream, e.line)
		}
	}
}

// shape is what times and texts a random log has.
type shape struct {
	name string
	// lines is how many, texts how many different ones, tick how likely the
	// time goes on (in percent) and step by how much at most.
	lines, texts, tick int
	step               int64
	// back tells that the clock is set back now and then; texts are all
	// different then.
	back bool
}

var shapes = []shape{
	{name: "few texts, nanoseconds", lines: 60, texts: 2, tick: 50, step: 3},
	{name: "one text, shifts meet later lines", lines: 40, texts: 1, tick: 60, step: 2},
	{name: "each line at its own time", lines: 60, texts: 3, tick: 100, step: 3},
	{name: "microseconds", lines: 80, texts: 3, tick: 20, step: 1000},
	{name: "more texts than are kept", lines: 500, texts: 150, tick: 1, step: 40},
	{name: "a clock that stands", lines: 1000, texts: 700, tick: 0},
	{name: "overflow and shifts", lines: 600, texts: 90, tick: 3, step: 20},
	{name: "clock set back", lines: 60, texts: 0, tick: 60, step: 5, back: true},
}

func (p shape) log(rng *rand.Rand) *source {
	s := &source{texts: make(map[string]int), byTime: !p.back, distinct: p.tick == 100, once: p.texts <= maxTexts}
	now := [logs.Streams]int64{1000, 1001}
	seen := make(map[entry]bool)
	for i := range p.lines {
		stream := logs.Stream(rng.IntN(8) / 7)
		if rng.IntN(100) < p.tick {
			now[stream] += 1 + rng.Int64N(p.step)
		}
		if p.back && rng.IntN(12) == 0 {
			now[stream] -= rng.Int64N(30)
		}
		text := fmt.Sprintf("%d", i)
		if p.texts > 0 {
			text = fmt.Sprintf("text %d", rng.IntN(p.texts))
		}
		if rng.IntN(25) == 0 {
			s.records = append(s.records, logs.Record{Time: now[stream], Stream: stream, Text: []byte(full)})
			text = full[:logs.PartSize] + text
			s.records = append(s.records, logs.Record{Time: now[stream], Stream: stream, Text: []byte(text[logs.PartSize:] + "\n")})
		} else {
			s.records = append(s.records, logs.Record{Time: now[stream], Stream: stream, Text: []byte(text + "\n")})
		}
		key := entry{now[stream], stream, text}
		s.once = s.once && !seen[key]
		seen[key] = true
		s.entries++
		s.texts[text]++
	}
	return s
}

// changes are what may become of an entry on its way. Where the clock is set back, texts
// must stay different: no memory could hold what was sent before.
var changes = []struct {
	name  string
	equal bool // makes different texts equal
	do    func(e *logs.Entry) bool
}{
	{"as stored", false, nil},
	{"redacted", true, func(e *logs.Entry) bool {
		e.Line = e.Line[:min(len(e.Line), 5)]
		return true
	}},
	{"some dropped", false, func(e *logs.Entry) bool { return e.Line[len(e.Line)-1]%3 != 0 }},
	{"redacted and dropped", true, func(e *logs.Entry) bool {
		send := e.Line[len(e.Line)-1]%3 != 0
		e.Line = append(append([]byte(nil), e.Line[:len(e.Line)-1]...), 'x')
		return send
	}},
	{"moved", true, func(e *logs.Entry) bool {
		e.Time -= e.Time%16 + 500
		return true
	}},
	{"moved, redacted and dropped", true, func(e *logs.Entry) bool {
		send := e.Time%4 != 0
		e.Time, e.Line = e.Time-e.Time%64, e.Line[:1]
		return send
	}},
}

// TestEveryLineOnceInLoki: equal lines at equal times, read with restarts from
// any earlier position, by offset and by time, sent any number of times, as they are or
// changed.
func TestEveryLineOnceInLoki(t *testing.T) {
	rounds := uint64(150)
	if testing.Short() {
		rounds = 20
	}
	for _, p := range shapes {
		for _, c := range changes {
			if p.back && c.equal {
				continue
			}
			t.Run(p.name+", "+c.name, func(t *testing.T) {
				t.Parallel()
				for seed := range max(5, rounds*60/uint64(p.lines)) {
					rng := rand.New(rand.NewPCG(seed, 3))
					s := p.log(rng)
					if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { s.check(t, rng, nil, c.do) }) {
						return
					}
				}
			})
		}
	}
}

// TestEngineRepeats: the engine's API repeats stretches around a rotation; each
// line is visible once, with Docker's own timestamp.
func TestEngineRepeats(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 5))
		want, got := make(modelLoki), make(modelLoki)
		var records []logs.Record
		for i := range 200 {
			r := rec(int64(1000+i/3), 0, fmt.Sprintf("%d\n", rng.IntN(2)))
			records = append(records, r)
			want[entry{r.Time, 0, string(r.Text[:1])}] = true
		}
		a := New(Config{DropRepeats: true}, none)
		for i := range records {
			a.Add(&records[i], got.take)
			for j := max(0, i-rng.IntN(20)); rng.IntN(15) == 0 && j <= i; j++ {
				a.Add(&records[j], got.take)
			}
		}
		difference(t, got, want)
	}
}

// TestMarkIsBounded: neither many texts at one time nor many equal lines make
// the position grow.
func TestMarkIsBounded(t *testing.T) {
	a := New(Config{}, none)
	seen := make(modelLoki)
	for i := range 10_000 {
		r := rec(1, 0, fmt.Sprintf("%d\n", i%5000))
		a.Add(&r, seen.take)
	}
	m := a.Newest()[0]
	if len(m.Hashes) > maxTexts || len(m.Counts) > maxTexts || len(seen) != 10_000 {
		t.Errorf("%d hashes, %d counts, %d entries can be seen", len(m.Hashes), len(m.Counts), len(seen))
	}
}

// TestGroupsOnceInLoki is TestEveryLineOnceInLoki where lines make one entry, wherever
// reading is resumed, also in the middle of one and where entries are full.
func TestGroupsOnceInLoki(t *testing.T) {
	rounds := uint64(150)
	if testing.Short() {
		rounds = 20
	}
	begins := func(state uint8, line []byte) (uint8, bool) {
		return state + 1, (line[len(line)-1]+state)%3 == 0
	}
	for _, p := range shapes {
		for _, group := range []Group{{begins, 0, 0}, {begins, 2, 3}, {begins, 1000, 4}, {begins, 5, 0}} {
			for _, c := range changes {
				if p.lines > 100 && c.do != nil || p.back && c.equal {
					continue
				}
				t.Run(fmt.Sprintf("%s, %d apart, %d lines, %s", p.name, group.Gap, group.Lines, c.name), func(t *testing.T) {
					t.Parallel()
					for seed := range max(3, rounds*30/uint64(p.lines)) {
						rng := rand.New(rand.NewPCG(seed, 7))
						s := p.log(rng)
						s.once = false // what the engine repeats is left out before it comes here
						if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { s.check(t, rng, &group, c.do) }) {
							return
						}
					}
				})
			}
		}
	}
}

// TestSentBeforeDropped: an entry that a stage drops or moves does not hide the one that was
// sent before it, wherever reading begins anew.
func TestSentBeforeDropped(t *testing.T) {
	change := func(e *logs.Entry) bool {
		switch string(e.Line) {
		case "move":
			e.Time, e.Line = 10, []byte("a")
		case "stored":
			e.Line = []byte("sent")
		case "other":
			e.Line = []byte("stored")
		}
		return string(e.Line) != "drop"
	}
	for _, c := range []struct {
		records []logs.Record
		want    []entry
	}{
		{[]logs.Record{rec(10, 0, "a\n"), rec(20, 0, "drop\n"), rec(10, 0, "a\n")}, []entry{{10, 0, "a"}, {11, 0, "a"}}},
		{[]logs.Record{rec(10, 0, "a\n"), rec(20, 0, "move\n")}, []entry{{10, 0, "a"}, {11, 0, "a"}}},
		// What was stored, and not sent, counts for nothing.
		{[]logs.Record{rec(10, 0, "stored\n"), rec(20, 0, "drop\n"), rec(10, 0, "other\n")}, []entry{{10, 0, "sent"}, {10, 0, "stored"}}},
	} {
		for at := range len(c.records) + 1 {
			var got []entry
			a := New(Config{Rules: &Rules{Change: change}}, none)
			for i := range c.records[:at] { // one chunk
				a.Add(&c.records[i], collect(&got))
			}
			a.Seal()
			b := New(Config{Rules: &Rules{Change: change}}, logs.Position{Newest: a.Newest(), Last: a.Last()})
			if got = append(got, run(b, c.records[at:]...)...); !slices.Equal(got, c.want) {
				t.Errorf("%v, begun anew after %d: %v instead of %v", c.records, at, got, c.want)
			}
		}
	}
}
