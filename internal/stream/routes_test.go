package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	files "github.com/lighterman/lighterman/internal/tail" // this package has a tail of its own
)

// TestRoutes reads a log from its files and through the API in turns, in random order with writes,
// rotations, kills, and starts from older positions, and wants every line with the sink, under its
// own time: what is sent twice is so under one time, and Loki has it once.
func TestRoutes(t *testing.T) {
	t.Parallel()
	seeds := uint64(150)
	if testing.Short() {
		seeds = 30 // the race detector finds nothing in a later one that it does not in these
	}
	for _, v := range []variant{
		{name: "bounded"},
		{name: "unbounded", unbounded: true},
		{name: "compressed", compressed: true},
		{name: "bounded, grouped", grouped: true},
		{name: "unbounded, grouped", unbounded: true, grouped: true},
		{name: "compressed, grouped", compressed: true, grouped: true},
	} {
		t.Run(v.name, func(t *testing.T) {
			for seed := range seeds {
				if !t.Run(fmt.Sprint(seed), func(t *testing.T) { newRoutes(t, v, seed).play() }) {
					return
				}
			}
		})
	}
}

// variant is what a log is like, and what is done with its lines.
type variant struct {
	name string
	// unbounded: it may be long, so that the API is resumed by its tail. compressed: by an engine
	// that is then asked for all of it.
	unbounded, compressed bool
	// grouped: each line is held back until no other can belong to it.
	grouped bool
}

// routes is one log, what reads it, and what has become of its lines.
type routes struct {
	t     *testing.T
	rng   *rand.Rand
	story []string
	variant
	written
	reading
	sent
}

// written is the log as the engine has it.
type written struct {
	path string
	// rotates and parts say whether there is more than one file, and lines in parts.
	rotates, parts bool
	rotated        int
	// seldom says that one line of so many is of stderr, and most how many come at once.
	seldom, most int
	// clock is the engine's.
	clock   int64
	records []stored
	// lines are the entries there have to be in the end, and count how many there are.
	lines map[string]bool
	count int
}

// stored is one record, with its line feed if it has one.
type stored struct {
	stream logs.Stream
	time   int64
	text   string
}

// reading is the source that reads: file, or stream, which the others belong to.
type reading struct {
	// at is where the next source goes on.
	at     logs.Position
	file   *files.Log
	stream *Reader
	source *Source
	body   *bytes.Buffer
	// next is the record that the engine sends next, of those that are not older than since.
	next  int
	since int64
}

// sent is what has become of the entries that were handed over.
type sent struct {
	// flight are those for which there is no answer, and got those with the sink.
	flight []flight
	got    map[string]bool
	// durable is the position on disk, and older those that were there before.
	durable logs.Position
	older   []logs.Position
}

// flight is what was handed over at once, and the position behind it.
type flight struct {
	entries []string
	at      logs.Position
}

// untroubled are the events of a log that has lost nothing.
type untroubled struct{ t *testing.T }

func (u untroubled) CorruptRecord()        { u.t.Error("a record is corrupt") }
func (u untroubled) Truncated(bool, int64) { u.t.Error("a file was truncated") }
func (u untroubled) RotatedAway()          { u.t.Error("files are gone") }
func (u untroubled) Unsure()               { u.t.Error("a file is not told from others") }
func (untroubled) LineCut()                {}
func (untroubled) LeftOut(int)             {}
func (untroubled) LineSkipped(string)      {}

// storing is an engine that is asked for the end of a log; the rest the model does itself.
type storing struct {
	Engine
	r *routes
}

func (e storing) SkipsRotated() bool { return e.r.compressed }

func (e storing) Last(context.Context, string) (io.ReadCloser, error) {
	var out []byte
	if n := len(e.r.records); n > 0 {
		out = e.r.records[n-1].frame()
	}
	return io.NopCloser(bytes.NewReader(out)), nil
}

func (s *stored) frame() []byte { return frameAt(byte(s.stream)+1, time.Unix(0, s.time), s.text) }

func (s *stored) json() string {
	return fmt.Sprintf(`{"log":%s,"stream":"%s","time":"%s"}`+"\n", strconv.Quote(s.text), s.stream, time.Unix(0, s.time).UTC().Format(time.RFC3339Nano))
}

// entryOf is how an entry is told from others.
func entryOf(s logs.Stream, at int64, text string) string {
	if len(text) > 100 {
		text = fmt.Sprintf("%s... %d bytes %x", text[:20], len(text), xxhash.Sum64String(text))
	}
	return fmt.Sprintf("%s %d %s", s, at-began, text)
}

func newRoutes(t *testing.T, v variant, seed uint64) *routes {
	r := &routes{t: t, rng: rand.New(rand.NewPCG(seed, 1)), variant: v}
	r.written = written{
		path: filepath.Join(t.TempDir(), "x-json.log"), rotates: seed%2 == 0, parts: seed%3 == 0, seldom: 3 + 9*int(seed/2%2), most: 3 + 17*int(seed/4%2), clock: began, lines: make(map[string]bool),
	}
	r.got = make(map[string]bool)
	if seed%5 < 2 { // lines are wanted from a time on, which all have
		r.durable.Since = began - 1
		r.at = r.durable
	}
	return r
}

func (r *routes) play() {
	r.write(5)
	r.open(true)
	for range 60 {
		r.step()
	}
	r.clock += 10e9
	for left := 100; left > 0; left-- {
		r.read(50, true)
		r.acknowledge(len(r.flight))
		if len(r.got) >= len(r.lines) {
			left = min(left, 3) // which should bring nothing
		}
	}
	r.leave()
	r.compare()
}

func (r *routes) step() {
	switch r.rng.IntN(12) {
	case 0, 1, 2:
		r.write(1 + r.rng.IntN(r.most))
	case 3, 4, 5:
		r.read(1+r.rng.IntN(10), r.rng.IntN(6) == 0)
	case 6, 7:
		r.acknowledge(r.rng.IntN(len(r.flight) + 1))
	case 8:
		r.clock += r.rng.Int64N(3e9)
	case 9, 10:
		for more := true; more; more = r.rng.IntN(2) == 0 { // be it before anything was read on a route
			file := r.file != nil
			r.leave()
			r.open(!file)
		}
	case 11:
		r.kill()
		r.open(r.rng.IntN(2) == 0)
	}
}

// note adds to the story of a seed, which is told when it fails.
func (r *routes) note(format string, args ...any) {
	for i, a := range args {
		if p, ok := a.(logs.Position); ok {
			args[i] = fmt.Sprintf("{offsets %v behind %v newest %d %d last %d pending %d opened %d}", p.File.Offsets, p.File.Behind,
				since(p.Newest[logs.Stdout].Time), since(p.Newest[logs.Stderr].Time), since(p.Last), since(p.Pending), p.Opened.Offset)
		}
	}
	r.story = append(r.story, fmt.Sprintf(format, args...))
}

// since is how long a time is after the beginning; 0 for none.
func since(at int64) int64 {
	if at == 0 {
		return 0
	}
	return at - began
}

func (r *routes) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// write has the container write some lines.
func (r *routes) write(lines int) {
	if r.rotates && r.rng.IntN(4) == 0 {
		r.rotate()
	}
	from := len(r.records)
	for range lines {
		r.line()
	}
	fresh := r.records[from:]
	for i := 1; i < len(fresh); i++ { // both streams are stamped independently
		if fresh[i].stream != fresh[i-1].stream && fresh[i].time-fresh[i-1].time < 1e9 && r.rng.IntN(4) == 0 {
			fresh[i], fresh[i-1] = fresh[i-1], fresh[i]
		}
	}
	var text strings.Builder
	for i := range fresh {
		text.WriteString(fresh[i].json())
	}
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	r.must(err)
	_, err = f.WriteString(text.String())
	r.must(err)
	r.must(f.Close())
	if r.file != nil {
		r.must(r.file.Capture())
	}
}

// line makes a line, in parts maybe.
func (r *routes) line() {
	switch r.rng.IntN(20) {
	case 0:
		r.clock += r.rng.Int64N(5e9)
	case 1, 2, 3:
		r.clock += r.rng.Int64N(1e9)
	default:
		r.clock += 1 + r.rng.Int64N(2e7)
	}
	s := logs.Stdout
	if r.rng.IntN(r.seldom) == 0 {
		s = logs.Stderr
	}
	text := fmt.Sprint("line ", r.count)
	if r.parts && r.rng.IntN(6) == 0 {
		text += " " + strings.Repeat("x", 2*logs.PartSize+r.rng.IntN(100))
	}
	r.count++
	r.lines[entryOf(s, r.clock, text)] = true
	for rest := text + "\n"; rest != ""; {
		n := min(len(rest), logs.PartSize)
		r.records = append(r.records, stored{s, r.clock, rest[:n]})
		rest = rest[n:]
	}
}

func (r *routes) rotate() {
	if info, err := os.Stat(r.path); err != nil || info.Size() == 0 {
		return
	}
	for i := r.rotated; i > 0; i-- {
		r.must(os.Rename(fmt.Sprint(r.path, ".", i), fmt.Sprint(r.path, ".", i+1)))
	}
	r.must(os.Rename(r.path, r.path+".1"))
	r.must(os.WriteFile(r.path, nil, 0o600))
	r.rotated++
	r.note("rotated: %d", r.rotated)
}

func (r *routes) rules() *assemble.Rules {
	if !r.grouped {
		return nil
	}
	g := &assemble.Group{Gap: 1e9, Lines: 128, Begins: func(uint8, []byte) (uint8, bool) { return 1, true }}
	return &assemble.Rules{Group: func(logs.Stream, int64) *assemble.Group { return g }, Gap: g.Gap, Change: func(*logs.Entry) bool { return true }}
}

// open has the log read on one route.
func (r *routes) open(file bool) {
	if file {
		r.openFile()
		return
	}
	records := 0
	if len(tails(r.container(), r.at)) > 1 {
		records = 1 + r.rng.IntN(60)
	}
	r.openStream(records)
}

func (r *routes) openFile() {
	var err error
	r.file, err = files.Open(files.Config{Path: r.path, Resume: r.at, Rules: r.rules(), Events: untroubled{r.t}})
	r.must(err)
	r.note("file, from %v", r.at)
	if r.at.Last == 0 {
		r.flight = append(r.flight, flight{nil, r.file.Position()})
	}
}

func (r *routes) container() *logs.Container {
	c := running("a", "json-file")
	if !r.unbounded {
		c.DriverOptions = map[string]string{"max-size": "10m", "max-file": "9"}
	}
	if r.compressed {
		c.DriverOptions["compress"] = "true"
	}
	return c
}

// openStream asks the engine for some records before the end, or for 0 by time.
func (r *routes) openStream(records int) {
	r.source = &Source{group: NewGroup(GroupConfig{Engine: storing{r: r}}), start: Start{
		Producer: producer.New("a", slog.New(slog.DiscardHandler), nil, nil, nil, nil), Container: r.container(), Position: r.at,
	}}
	config := Config{Heard: &r.source.heard, Resume: r.at, Rules: r.rules(), Events: untroubled{r.t}}
	r.since = r.source.look(r.t.Context(), records, &config)
	config.Opened = r.clock
	if config.Tail = records; records > 0 {
		r.since = 0
	}
	r.next = 0
	if records > 0 {
		r.next = max(0, len(r.records)-records)
	}
	r.source.heard.Store(heard(r.at))
	r.body = new(bytes.Buffer)
	r.stream = NewReader(r.body, config)
	r.note("API, since %d, the last %d, from %v", since(r.since), records, r.at)
	if fresh(r.at) {
		r.handOver(nil, r.stream.Position())
	}
}

// leave ends the source. The next goes on where it stands.
func (r *routes) leave() {
	if r.file != nil {
		r.at = r.file.Position()
		r.file.Close()
	}
	r.file, r.stream = nil, nil
	r.note("left at %v", r.at)
}

// read reads some of the log. idle says that nothing has come for a while once all is read.
func (r *routes) read(most int, idle bool) {
	var entries []string
	emit := func(e logs.Entry) { entries = append(entries, entryOf(e.Stream, e.Time, string(e.Line))) }
	if r.file != nil {
		r.readFile(most, idle, emit)
		r.handOver(entries, r.file.Position())
		return
	}
	if !r.readStream(most, idle, emit) {
		r.note("what is looked for is not in this part of the log")
		r.openStream(0)
		return
	}
	ended := r.stream.tail == nil && r.rng.IntN(15) == 0
	if ended {
		r.stream.FlushGroups(math.MaxInt64, emit)
	}
	r.handOver(entries, r.stream.Position())
	if ended {
		r.note("the engine has ended the stream")
		r.openStream(0)
	}
}

func (r *routes) readFile(most int, idle bool, emit func(logs.Entry)) {
	buf, more := files.NewBufferSize(200+r.rng.IntN(600)), true
	for ; more && most > 0; most-- {
		p, err := r.file.Read(buf, emit)
		r.must(err)
		more = p.More
	}
	if !more && idle {
		r.file.FlushGroups(r.clock-int64(grace), emit)
	}
}

// readStream returns false when the place where the log was left is not in the stream.
func (r *routes) readStream(most int, idle bool, emit func(logs.Entry)) (found bool) {
	if r.stream.tail == nil && !r.parts && r.rng.IntN(4) == 0 {
		r.next = max(0, r.next-r.rng.IntN(30)) // the engine sends records twice around a rotation
	}
	for ; most > 0 && r.next < len(r.records); most-- {
		if next := &r.records[r.next]; next.time >= r.since {
			r.body.Write(next.frame())
		}
		r.next++
	}
	for r.body.Len() > 0 || r.stream.start < len(r.stream.buf) {
		err := r.stream.Wait()
		if errors.Is(err, ErrGap) {
			return false
		}
		r.must(err)
		r.stream.Take(emit)
		r.at = r.stream.Position() // also of one that then proves to have a gap
	}
	r.stream.FlushGroups(r.source.heard.Load()-assemble.Disorder, emit)
	if idle && r.next == len(r.records) {
		r.stream.FlushGroups(r.clock-int64(grace), emit)
	}
	return true
}

func (r *routes) handOver(entries []string, at logs.Position) {
	r.flight = append(r.flight, flight{entries, at})
	r.at = at
	r.note("handed over %q at %v", entries, at)
}

// acknowledge has the sink answer for what was handed over first.
func (r *routes) acknowledge(n int) {
	for _, f := range r.flight[:n] {
		for _, e := range f.entries {
			r.got[e] = true
		}
		r.older = append(r.older, r.durable)
		r.durable = f.at
	}
	r.flight = slices.Delete(r.flight, 0, n)
	r.note("acknowledged %d", n)
}

// kill ends the process. The next one has the positions on disk, or some of before.
func (r *routes) kill() {
	r.leave()
	r.flight = nil
	if len(r.older) > 0 && r.rng.IntN(4) == 0 {
		r.durable = r.older[r.rng.IntN(len(r.older))]
	}
	r.at = r.durable
	r.note("killed")
}

// compare holds what the sink has against what was written.
func (r *routes) compare() {
	var wrong []string
	for line := range r.lines {
		if !r.got[line] {
			wrong = append(wrong, "lost: "+line)
		}
	}
	for line := range r.got {
		if !r.lines[line] {
			wrong = append(wrong, "not written: "+line)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		r.t.Log(strings.Join(r.story, "\n"))
		r.t.Errorf("%d of %d lines: %q", len(wrong), r.count, wrong[:min(len(wrong), 5)])
	}
}
