package tail

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// A schedule is what an engine, an operator and a reader do to a log, in any
// order: two bytes per step, what and how. Any bytes are a schedule, so it can be
// drawn at random, shrunk, and fuzzed.
type schedule []byte

// The kinds of steps. Those that come twice are twice as likely.
var kinds = []struct {
	name string
	do   func(m *machine, arg int)
}{
	{"write", (*machine).write},
	{"write", (*machine).write},
	{"write", (*machine).write},
	{"long line", (*machine).longLine},
	{"part", (*machine).part},
	{"part", (*machine).part},
	{"rotate", (*machine).rotate},
	{"rotate", (*machine).rotate},
	{"finish compression", func(m *machine, _ int) { m.finishCompression() }},
	{"engine crashes", (*machine).crash},
	{"truncate", (*machine).truncate},
	{"container restarts", (*machine).rerun},
	{"clock", (*machine).clock},
	{"torn record", (*machine).torn},
	{"capture", func(m *machine, _ int) { m.capture() }},
	{"read", (*machine).read},
	{"read", (*machine).read},
	{"read", (*machine).read},
	{"save", func(m *machine, _ int) { m.save() }},
	{"save", func(m *machine, _ int) { m.save() }},
	{"reader restarts", (*machine).restart},
	{"reader restarts", (*machine).restart},
	{"remove", (*machine).remove},
}

func (s schedule) String() string {
	var out strings.Builder
	if len(s) > 0 {
		fmt.Fprintf(&out, "max-file=%d compress=%v frames=%v", maxFile(s[0]), compresses(s[0]), framed(s[0]) == logs.Frames)
	}
	for i := 1; i+1 < len(s); i += 2 {
		fmt.Fprintf(&out, "; %s %d", kinds[int(s[i])%len(kinds)].name, s[i+1])
	}
	return out.String()
}

func maxFile(b byte) int     { return 1 + int(b)%4 }
func compresses(b byte) bool { return b&4 != 0 && maxFile(b) > 1 }

func framed(b byte) logs.FileFormat {
	if b&8 != 0 {
		return logs.Frames
	}
	return logs.JSONLines
}

// machine is the model: an engine that writes and rotates, and what must arrive.
type machine struct {
	dir, live string
	file      *os.File
	maxFile   int
	compress  bool
	format    logs.FileFormat
	parts     parts
	appends   bool // the engine's descriptor has O_APPEND
	now       int64
	number    int
	restarted bool
	backwards bool // the clock was set back
	excused   bool // and lines may have been taken for old ones
	removed   bool
	// files are the contents that the log had, named by where they are.
	current    *content
	plain, zip map[int]*content // by number of rotation; zip's may be broken
	broken     map[int]bool     // zip's that are cut
	compressed *content         // being compressed, as .1
	lines      []*expected
	open       [logs.Streams]*expected
	got        map[string]bool
	used       map[int64]bool

	log    *Log
	buf    *Buffer
	events counter
	saved  []logs.Position
}

// content is what was written to one file until it was truncated or rotated.
type content struct {
	id     identity
	onDisk bool
	// first is the first record, and before that of the content that a truncation
	// put an end to. Where they are equal, two parts of one line, and the reader was
	// restarted between, nothing tells one from the other.
	first, before []byte
	alike         bool
}

// expected is a line and the files that its parts are in.
type expected struct {
	stream logs.Stream
	time   int64
	text   string
	in     []*content
	parts  int
	// torn is set when a part of it is nowhere any more, so that the rest may
	// come alone; lost, that this was so before it was delivered.
	torn, lost bool
	// done is set when nothing more will be written of it.
	done bool
}

func key(s logs.Stream, at int64, text string) string { return fmt.Sprintf("%d %s %s", at, s, text) }

// thrown is what a step panics with; run catches it.
type thrown struct{ error }

func check1(err error) {
	if err != nil {
		panic(thrown{err})
	}
}

// run plays a schedule in dir, which is empty, and says what went wrong.
func run(s schedule, dir string) (err error) {
	if len(s) == 0 {
		return nil
	}
	m := &machine{
		dir: dir, live: filepath.Join(dir, "abc-json.log"), maxFile: maxFile(s[0]), compress: compresses(s[0]), format: framed(s[0]),
		now: 1_700_000_000_000_000_000, plain: map[int]*content{}, zip: map[int]*content{}, broken: map[int]bool{},
		got: map[string]bool{}, used: map[int64]bool{}, buf: NewBuffer(), saved: []logs.Position{{}},
	}
	defer func() {
		if m.log != nil {
			m.log.Close()
		}
		_ = m.file.Close()
		if p := recover(); p != nil {
			b, ok := p.(thrown)
			if !ok {
				panic(p)
			}
			err = b.error
		}
	}()
	m.create(os.O_APPEND)
	m.openLog(logs.Position{})
	for i := 1; i+1 < len(s); i += 2 {
		kinds[int(s[i])%len(kinds)].do(m, int(s[i+1]))
	}
	m.finish()
	return nil
}

// create makes the live file anew, or opens it again.
func (m *machine) create(flag int) {
	f, err := os.OpenFile(m.live, os.O_WRONLY|os.O_CREATE|flag, 0o640)
	check1(err)
	info, err := f.Stat()
	check1(err)
	m.file, m.appends = f, flag&os.O_APPEND != 0
	if m.current == nil {
		m.current = &content{id: identify(info), onDisk: true}
	}
}

func (m *machine) record(e *expected, text string) {
	raw := m.encode(e, text)
	_, err := m.file.Write(raw)
	check1(err)
	m.begins(raw)
	m.put(e, text)
}

// begins notes the first record of a content.
func (m *machine) begins(raw []byte) {
	if c := m.current; c.first == nil {
		c.first = raw
		c.alike = bytes.Equal(raw, c.before)
	}
}

// encode is a record as the engine writes it.
func (m *machine) encode(e *expected, text string) []byte {
	if m.format == logs.Frames {
		return m.parts.frame(e.time, e.stream, text)
	}
	quoted := strings.ReplaceAll(text, "\n", `\n`)
	return fmt.Appendf(nil, `{"log":"%s","stream":"%s","time":"%s"}`+"\n",
		quoted, e.stream, time.Unix(0, e.time).UTC().Format(time.RFC3339Nano))
}

// put notes what was written of a line.
func (m *machine) put(e *expected, text string) {
	e.text += strings.TrimSuffix(text, "\n")
	e.parts++
	if len(e.in) == 0 || e.in[len(e.in)-1] != m.current {
		e.in = append(e.in, m.current)
	}
	e.done = e.done || strings.HasSuffix(text, "\n") || len(text) < logs.PartSize
}

// line begins a line.
func (m *machine) line(s logs.Stream) *expected {
	// No time comes twice, also when the clock was set back.
	m.now++
	for m.used[m.now] {
		m.now++
	}
	m.used[m.now] = true
	e := &expected{stream: s, time: m.now}
	m.lines = append(m.lines, e)
	return e
}

// write writes whole lines; a stream with an open line gets that one's end first.
func (m *machine) write(arg int) {
	for i := range 1 + arg%3 {
		s := logs.Stream((arg / 3) & (i + 1) & 1)
		m.end(s)
		m.number++
		m.whole(m.line(s), fmt.Sprintf("line %d %s", m.number, strings.Repeat("y", arg)))
	}
}

func (m *machine) whole(e *expected, text string) {
	if m.removed {
		m.lines = m.lines[:len(m.lines)-1]
		return
	}
	m.record(e, text+"\n")
}

func (m *machine) end(s logs.Stream) {
	if e := m.open[s]; e != nil {
		m.record(e, "end\n")
		m.open[s] = nil
	}
}

// longLine writes a line in parts at once, of up to 300 KiB.
func (m *machine) longLine(arg int) {
	if m.removed {
		return
	}
	s := logs.Stream(arg & 1)
	m.end(s)
	e := m.line(s)
	for range 1 + (arg/2)%4*(arg/32) {
		m.record(e, fullPart)
	}
	m.record(e, strings.Repeat("z", arg)+"\n")
}

// part begins a line, goes on with it, or ends it.
func (m *machine) part(arg int) {
	if m.removed {
		return
	}
	s := logs.Stream(arg & 1)
	switch {
	case m.open[s] == nil:
		m.open[s] = m.line(s)
		m.record(m.open[s], fullPart)
	case arg&2 == 0:
		m.record(m.open[s], fullPart)
	default:
		m.end(s)
	}
}

// torn writes a record in two steps, with a read between.
func (m *machine) torn(arg int) {
	if m.removed {
		return
	}
	m.end(logs.Stdout)
	e := m.line(logs.Stdout)
	m.number++
	text := fmt.Sprintf("torn %d", m.number)
	raw := m.encode(e, text+"\n")
	at := 1 + arg%(len(raw)-1)
	_, err := m.file.Write(raw[:at])
	check1(err)
	m.read(arg)
	m.save()
	if arg&1 != 0 {
		m.restart(arg)
	}
	_, err = m.file.Write(raw[at:])
	check1(err)
	m.begins(raw)
	m.put(e, text+"\n")
}

func (m *machine) name(n int) string   { return fmt.Sprintf("%s.%d", m.live, n) }
func (m *machine) zipped(n int) string { return m.name(n) + ".gz" }

// rotate is what the engine does with a full file. The watcher tells the reader at
// once, or too late.
func (m *machine) rotate(arg int) {
	if info, err := m.file.Stat(); m.removed || err != nil || info.Size() == 0 {
		return
	}
	m.finishCompression()
	check1(m.file.Close())
	old := m.current
	m.current = nil
	if m.maxFile == 1 && arg&2 != 0 {
		check1(os.Remove(m.live)) // from Engine 23 on
		m.gone(old)
		m.create(os.O_TRUNC)
	} else {
		m.shift()
		check1(os.Rename(m.live, m.name(1)))
		m.gone(m.plain[1]) // what a crash in compression left
		m.plain[1] = old
		m.create(os.O_TRUNC)
		if m.compress {
			m.beginCompression(arg)
		}
	}
	if arg&1 == 0 {
		m.capture()
	}
}

// shift moves the rotated files up by one. With one file, Engine 20.10 keeps
// another as .1.
func (m *machine) shift() {
	files, name := m.plain, m.name
	if m.compress {
		files, name = m.zip, m.zipped
	}
	last := max(m.maxFile-1, 1)
	for n := last; n >= 1; n-- {
		c := files[n]
		if c == nil {
			continue
		}
		delete(files, n)
		if n == last {
			check1(os.Remove(name(n)))
			if !m.broken[n] || !m.compress {
				m.gone(c)
			}
			delete(m.broken, n)
			continue
		}
		check1(os.Rename(name(n), name(n+1)))
		files[n+1] = c
		if m.compress {
			m.broken[n+1] = m.broken[n]
			delete(m.broken, n)
		}
	}
}

// gone notes that a content has no intact copy on disk any more.
func (m *machine) gone(c *content) {
	if c == nil {
		return
	}
	c.onDisk = false
	m.reckon()
}

// beginCompression leaves a part of .1.gz beside .1, as it is seen meanwhile.
func (m *machine) beginCompression(arg int) {
	z := m.gzip()
	check1(os.WriteFile(m.zipped(1), z[:len(z)*(arg>>2)/64], 0o640))
	m.compressed = m.plain[1]
	m.zip[1], m.broken[1] = m.plain[1], true
	if arg&4 != 0 {
		m.finishCompression()
	}
}

func (m *machine) gzip() []byte {
	raw, err := os.ReadFile(m.name(1))
	check1(err)
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	check1(err)
	_, err = z.Write(raw)
	check1(err)
	check1(z.Close())
	return out.Bytes()
}

func (m *machine) finishCompression() {
	if m.compressed == nil || m.removed {
		return
	}
	check1(os.WriteFile(m.zipped(1), m.gzip(), 0o640))
	check1(os.Remove(m.name(1)))
	delete(m.plain, 1)
	delete(m.broken, 1)
	m.compressed = nil
}

// crash ends the engine, in compression perhaps, and starts it again: .1 and a
// broken .1.gz stay.
func (m *machine) crash(int) {
	if m.removed {
		return
	}
	m.compressed = nil
	m.forgetOpen()
	check1(m.file.Close())
	m.create(os.O_APPEND)
}

// forgetOpen ends lines without their end: what the engine had not written is
// lost, or the container wrote no more.
func (m *machine) forgetOpen() {
	for s, e := range m.open {
		if e != nil {
			e.done = true
			m.open[s] = nil
		}
	}
	m.now += 5
}

// rerun restarts the container, whose last line may have no end.
func (m *machine) rerun(arg int) {
	if m.removed {
		return
	}
	if arg&1 != 0 {
		s := logs.Stream(arg >> 1 & 1)
		if m.open[s] == nil {
			m.open[s] = m.line(s)
		}
		m.record(m.open[s], fmt.Sprintf("no end %d", m.now))
	}
	m.forgetOpen()
	if arg&4 != 0 {
		m.drain()
		m.log.Flush(m.emit)
	}
	check1(m.file.Close())
	m.create(os.O_APPEND)
}

// truncate empties the live file from outside. What was not read is lost, and a
// line that goes on afterwards is torn.
func (m *machine) truncate(int) {
	if m.removed {
		return
	}
	info, err := m.file.Stat()
	check1(err)
	if info.Size() == 0 {
		return
	}
	check1(os.Truncate(m.live, 0))
	old := m.current
	m.current = &content{id: old.id, onDisk: true, before: old.first}
	old.id = identity{}
	m.gone(old)
}

func (m *machine) clock(arg int) {
	if arg < 40 {
		m.now -= int64(arg) * 3
		m.backwards = true
		m.excused = m.excused || m.log.assemble.Replaying() != [logs.Streams]bool{}
		return
	}
	m.now += int64(arg) * 1e6
}

func (m *machine) remove(arg int) {
	if m.removed || arg > 60 {
		return
	}
	m.capture()
	m.removed = true
	check1(os.RemoveAll(m.dir))
	for _, files := range []map[int]*content{m.plain, m.zip} {
		for _, c := range files {
			c.onDisk = false
		}
	}
	m.current.onDisk = false
	m.reckon()
}

// reckon notes the lines that cannot be had any more: a part of them is in no
// file on disk and in none that the reader holds.
func (m *machine) reckon() {
	held := make(map[identity]bool)
	for _, g := range m.log.files {
		held[g.id] = true
	}
	for _, e := range m.lines {
		for _, c := range e.in {
			e.torn = e.torn || !c.onDisk && (c.id == identity{} || !held[c.id])
		}
		e.lost = e.lost || e.torn && !m.got[key(e.stream, e.time, e.text)]
	}
}

func (m *machine) emit(e logs.Entry) {
	m.got[key(e.Stream, e.Time, string(e.Line))] = true
}

func (m *machine) openLog(from logs.Position) {
	l, err := Open(Config{Path: m.live, Format: m.format, Resume: from, Events: &m.events})
	check1(err)
	m.log = l
}

func (m *machine) capture() { check1(m.log.Capture()) }

func (m *machine) read(arg int) {
	for range 1 + arg%3 {
		_, err := m.log.Read(m.buf, m.emit)
		check1(err)
	}
	if arg&8 != 0 {
		m.save()
	}
}

func (m *machine) drain() {
	for range 10_000 {
		p, err := m.log.Read(m.buf, m.emit)
		check1(err)
		if p.More {
			continue
		}
		end, err := m.log.AtEnd()
		check1(err)
		if end {
			return
		}
	}
	check1(errors.New("reading does not come to an end"))
}

// save keeps the position, after a trip through the state file.
func (m *machine) save() {
	raw, err := json.Marshal(m.log.Position())
	check1(err)
	var p logs.Position
	check1(json.Unmarshal(raw, &p))
	m.saved = append(m.saved, p)
}

// restart reads on from the newest position, or from any earlier one. What the
// reader held and nobody else has is gone.
func (m *machine) restart(arg int) {
	m.log.Close()
	m.restarted = true
	from := m.saved[len(m.saved)-1]
	if arg&4 != 0 {
		from = m.saved[(arg>>3)%len(m.saved)]
	}
	m.reckon()
	m.openLog(from)
	if m.backwards {
		m.excuse(from)
	}
}

// excuse gives up lines that a resume by time may take for old ones, because
// the clock was set back. By offset it never does.
func (m *machine) excuse(from logs.Position) {
	at, sure := find(m.log.files, from.File)
	offset := at >= 0 && sure && from.File.Behind == [logs.Streams]bool{}
	if offset || from.Last == 0 {
		return
	}
	m.excused = true
}

// finish ends the lines, reads all there is and compares.
func (m *machine) finish() {
	if !m.removed {
		m.end(logs.Stdout)
		m.end(logs.Stderr)
	}
	m.drain()
	m.log.Flush(m.emit)
	known := make(map[string]bool)
	torn := make(map[string]bool)
	for _, e := range m.lines {
		if e.parts == 0 {
			continue
		}
		k := key(e.stream, e.time, e.text)
		known[k] = true
		if e.torn {
			// Equal parts of it stay apart, like all that is equal.
			for at := e.time; at < e.time+5; at++ {
				torn[key(e.stream, at, "")] = true
			}
		}
		alike := slices.ContainsFunc(e.in, func(c *content) bool { return c.alike && m.restarted })
		if !e.lost && !m.got[k] && !m.excused && !alike {
			check1(fmt.Errorf("lost: %s", short(k)))
		}
	}
	for k := range m.got {
		if at := strings.SplitAfterN(k, " ", 3); !known[k] && !torn[at[0]+at[1]] {
			check1(fmt.Errorf("too much: %s", short(k)))
		}
	}
}

func short(k string) string {
	if len(k) > 120 {
		return fmt.Sprintf("%s… (%d bytes)", k[:60], len(k))
	}
	return k
}

// play runs a schedule in a directory of its own.
func play(t testing.TB, s schedule, base string) error {
	dir, err := os.MkdirTemp(base, "machine")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return run(s, dir)
}

// shrink takes steps away as long as the schedule still fails.
func shrink(t testing.TB, s schedule, base string) schedule {
	for size := len(s) / 4 * 2; size >= 2; size = size / 4 * 2 {
		for again := true; again; {
			again = false
			for at := 1; at+size <= len(s); at += 2 {
				less := append(append(schedule{}, s[:at]...), s[at+size:]...)
				if play(t, less, base) != nil {
					s, again = less, true
					at -= 2
				}
			}
		}
		if size == 2 {
			break
		}
	}
	for i := 2; i < len(s); i += 2 {
		for _, simple := range []byte{0, 1, s[i] & 3, s[i] & 7} {
			less := append(schedule{}, s...)
			if less[i] = simple; simple < s[i] && play(t, less, base) != nil {
				s = less
				break
			}
		}
	}
	return s
}

// bases are directories on file systems that differ in how they give inode
// numbers: tmpfs never gives one again soon, others may at once.
func bases(t testing.TB) []string {
	out := []string{t.TempDir()}
	if dir, err := os.MkdirTemp("/dev/shm", "lighterman-machine"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		out = append(out, dir)
	}
	return out
}

func judge(t testing.TB, s schedule, base string) {
	t.Helper()
	if err := play(t, s, base); err != nil {
		least := shrink(t, s, base)
		t.Fatalf("%v\n%v\nas bytes: %q", play(t, least, base), least, string(least))
	}
}

// schedules is how many TestSchedules plays; LIGHTERMAN_SCHEDULES sets another number.
func schedules(t testing.TB) uint64 {
	n := uint64(10_000)
	if raced || testing.Short() {
		n = 1_000
	}
	if text := os.Getenv("LIGHTERMAN_SCHEDULES"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestSchedules plays random schedules.
func TestSchedules(t *testing.T) {
	on, all := bases(t), schedules(t)
	const shards = 4
	for shard := range uint64(shards) {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for seed := shard; seed < all; seed += shards {
				s := random(seed)
				if err := play(t, s, base(on, seed)); err != nil {
					t.Logf("seed %d", seed)
					judge(t, s, base(on, seed))
					t.Fatalf("%v, but not again", err)
				}
			}
		})
	}
}

// random is the schedule of a seed.
func random(seed uint64) schedule {
	rng := rand.New(rand.NewPCG(seed, 11))
	s := make(schedule, 1+2*(4+rng.IntN(28)))
	for i := range s {
		s[i] = byte(rng.Uint32())
	}
	return s
}

// base chooses the disk for one schedule in eight: it is slow.
func base(on []string, seed uint64) string {
	if seed/4%8 == 0 {
		return on[0]
	}
	return on[len(on)-1]
}

// FuzzSchedule finds more of them.
func FuzzSchedule(f *testing.F) {
	f.Add([]byte("\x03\x00\x05\x06\x00\x0f\x02"))
	on := bases(f)
	f.Fuzz(func(t *testing.T, s []byte) {
		if len(s) < 400 {
			judge(t, s, on[len(on)-1])
		}
	})
}
