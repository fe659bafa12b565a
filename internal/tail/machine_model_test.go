package tail

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

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
