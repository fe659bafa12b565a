package tail

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

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
