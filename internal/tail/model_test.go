package tail

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestModel writes, rotates, reads and restarts in random order, and wants
// every line once. Lines of one stream must come in order.
func TestModel(t *testing.T) {
	t.Parallel()
	for seed := range rounds(150, 30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

type model struct {
	*writer
	rng  *rand.Rand
	want [logs.Streams][]string
	open [logs.Streams]*line
	// spans is set when an open line began in an older file.
	spans bool
}

// rotate rotates, but lets a line span two files at most: what is deleted
// under a line that is held back cannot be read again after a restart.
func (m *model) rotate() {
	if m.spans {
		m.endLines()
	}
	m.writer.rotate()
	m.spans = m.open[0] != nil || m.open[1] != nil
}

// line is one whose end has not been written.
type line struct {
	time int64
	text string
}

func runModel(t *testing.T, rng *rand.Rand) {
	m := &model{writer: newWriter(t), rng: rng}
	m.maxFiles = 6
	m.compress = rng.IntN(2) == 0
	m.format = logs.FileFormat(rng.IntN(2))
	r := openFormat(t, m.live, m.format, logs.Position{})
	var got []string
	for range 80 {
		switch rng.IntN(8) {
		case 0:
			m.rotate()
			m.must(r.log.Capture())
		case 1, 2:
			r.step()
		case 3:
			at := r.saved()
			held := r.log.Files()
			if r.log.oldestLine().known || at.File.Behind != [logs.Streams]bool{} {
				held++ // the file where a line began
			}
			got = append(got, r.lines...)
			r.log.Close()
			// Rotation deletes what nobody holds: stay within what is kept.
			for range rng.IntN(m.maxFiles - min(held, m.maxFiles) + 1) {
				m.rotate()
				m.write()
			}
			r = openFormat(t, m.live, m.format, at)
		default:
			m.write()
		}
		if r.log.Files() > m.maxFiles-1 {
			r.drain()
		}
	}
	m.endLines()
	r.drain()
	r.log.Flush(r.emit)
	check(t, m, append(got, r.lines...))
}

func check(t *testing.T, m *model, got []string) {
	t.Helper()
	for s := range logs.Streams {
		prefix := fmt.Sprintf(" %s ", logs.Stream(s))
		var lines []string
		for _, line := range got {
			if len(line) > 27 && line[19:27] == prefix {
				lines = append(lines, line)
			}
		}
		if !slices.Equal(lines, m.want[s]) {
			for i := range max(len(lines), len(m.want[s])) {
				if i >= len(lines) || i >= len(m.want[s]) || lines[i] != m.want[s][i] {
					t.Fatalf("%s: %d lines, want %d; first difference at %d:\n got %s\nwant %s", logs.Stream(s),
						len(lines), len(m.want[s]), i, brief(lines[min(i, len(lines)):]), brief(m.want[s][min(i, len(m.want[s])):]))
				}
			}
		}
	}
}

// write writes a few records: whole lines and parts of long ones.
func (m *model) write() {
	for range 1 + m.rng.IntN(4) {
		s := logs.Stream(m.rng.IntN(logs.Streams))
		switch open := m.open[s]; {
		case open != nil && m.rng.IntN(2) == 0:
			m.record(open.time, s, fullPart)
			open.text += fullPart
		case open != nil:
			m.endLine(s)
		case m.rng.IntN(6) == 0:
			m.now++
			m.open[s] = &line{m.now, fullPart}
			m.record(m.now, s, fullPart)
		default:
			m.now++
			text := fmt.Sprintf("line %d", m.now)
			m.record(m.now, s, text+"\n")
			m.expect(m.now, s, text)
		}
	}
}

func (m *model) expect(at int64, s logs.Stream, text string) {
	m.want[s] = append(m.want[s], fmt.Sprintf("%d %s %s", at, s, text))
}

func (m *model) endLine(s logs.Stream) {
	open := m.open[s]
	m.record(open.time, s, "end\n")
	m.expect(open.time, s, open.text+"end")
	m.open[s] = nil
	m.spans = m.spans && (m.open[0] != nil || m.open[1] != nil)
}

func (m *model) endLines() {
	for s, open := range m.open {
		if open != nil {
			m.endLine(logs.Stream(s))
		}
	}
}

// brief is a list of lines as times and lengths.
func brief(lines []string) (out string) {
	for _, line := range lines[:min(8, len(lines))] {
		out += fmt.Sprintf("%s(%d) ", line[16:19], len(line))
	}
	return out
}
