package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A figure says what something costs or how fast it is. Where a section has one, it has the
// command that measured it, for whoever doubts it or has another machine. What has none says
// why, in front of the paragraph, list or table:
//
//	<!-- no command: what its readers have to know instead -->
//
// Settings, limits and sizes of what is read are no such figures. So what counts is a number
// with a unit of speed or of a small time, or one with any unit beside a word of cost.

var (
	// always are numbers that nobody writes but after measuring.
	always = regexp.MustCompile(`\d ?(ns|µs|CPU s(econds)?)\b|\d ?% of (a|one) core\b|\d ?× (the )?floor\b|\bp(50|95|99) (of )?\d|\d CPU s/GiB`)
	// number is one with a unit.
	number = regexp.MustCompile(`\d[ -]?(%|×|ms|s|seconds?|minutes?|KiB|MiB|GiB|kB|KB|MB|GB|MB/s|lines/s|lines (per|a) second|lines (per|a) minute)([^A-Za-z0-9_]|$)|\d times as (fast|slow|much)`)
	// cost are words of those who have measured.
	cost = regexp.MustCompile(`(?i)\b(CPU|cores?|processor time|latency|throughput|RSS|p50|p95|p99|took|measured|faster|slower|medians?|memory between|wall time|times as (fast|slow|much)|catching up|after it was written|of memory each|costs? (about )?\d[\d.,]*|takes? (about )?\d[\d.,]*|lines/s|(thousand|million)? ?lines (per|a) second)\b`)
	// measures are commands that measure something.
	measures = regexp.MustCompile(`\bmake (bench|bench-quick|bench-peers|compare|soak|torture|verify-large|promtail|test-release|test-fleet)\b|\bgo (test|run) |\bscripts/(profile|bench|compare|promtail)\b|\blighterman compare\b|\bsystemd-analyze\b|\bperf (stat|record)\b`)

	code      = regexp.MustCompile("`[^`\n]*`")
	excuse    = regexp.MustCompile(`<!-- no command: (.*?) -->`)
	heading   = regexp.MustCompile(`^#{1,6} `)
	generated = regexp.MustCompile(`<!--.*?-->`)
)

// section is what stands between two headings.
type section struct {
	line     int
	title    string
	measured bool // it names a command that measures
	blocks   []paragraph
}

// paragraph is what stands between two empty lines, without code.
type paragraph struct {
	line   int
	text   string
	reason string // why no command is needed; empty for none
}

// sections reads a document. A block of code belongs to its section only for the commands in
// it: what it shows is an example.
func sections(document string) (all []section) {
	all = []section{{line: 1, title: "its beginning"}}
	var open *paragraph
	reason, fenced := "", false
	for i, line := range strings.Split(document, "\n") {
		now := &all[len(all)-1]
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced, open = !fenced, nil
			continue
		}
		if fenced {
			now.measured = now.measured || measures.MatchString(line)
			continue
		}
		if heading.MatchString(line) {
			all = append(all, section{line: i + 1, title: strings.TrimLeft(line, "# ")})
			open, reason = nil, ""
			continue
		}
		for _, c := range code.FindAllString(line, -1) {
			now.measured = now.measured || measures.MatchString(c)
		}
		if m := excuse.FindStringSubmatch(line); m != nil {
			reason = m[1]
			continue
		}
		line = code.ReplaceAllString(generated.ReplaceAllString(line, ""), "")
		if strings.TrimSpace(line) == "" {
			open = nil
			continue
		}
		if open == nil {
			now.blocks = append(now.blocks, paragraph{line: i + 1, reason: reason})
			open, reason = &now.blocks[len(now.blocks)-1], ""
		}
		open.text += line + "\n"
	}
	return all
}

// figures returns the lines of a paragraph with figures. The head of a table counts for all
// of its rows: the units are there.
func (p *paragraph) figures() (out []string) {
	head := ""
	for line := range strings.Lines(p.text) {
		line = strings.TrimSpace(line)
		if head == "" && strings.HasPrefix(line, "|") {
			head = line
			continue
		}
		with := line
		if head != "" {
			with = head + line
		}
		if always.MatchString(line) || number.MatchString(line) && cost.MatchString(with) || head != "" && cost.MatchString(head) && unitInHead.MatchString(head) && bare.MatchString(line) {
			out = append(out, line)
		}
	}
	return out
}

var (
	// unitInHead is a unit in the head of a table, and bare a number in a row of it.
	unitInHead = regexp.MustCompile(`\b(CPU s|s/GiB|lines/s|ms|MiB|lines per second)\b|%`)
	bare       = regexp.MustCompile(`\| *[0-9][0-9.,–-]* *(\||thousand)`)
)

// without returns what is wrong with the figures of a document.
func without(document string) (wrong []string) {
	for _, s := range sections(document) {
		for _, p := range s.blocks {
			found := p.figures()
			switch {
			case p.reason != "" && len(strings.Fields(p.reason)) < 4:
				wrong = append(wrong, fmt.Sprintf("line %d: %q is no reason for figures without a command", p.line, p.reason))
			case p.reason != "" && len(found) == 0:
				wrong = append(wrong, fmt.Sprintf("line %d: nothing here needs the reason %q", p.line, p.reason))
			case p.reason == "" && !s.measured:
				for _, line := range found {
					wrong = append(wrong, fmt.Sprintf("line %d, %q: no command of the section measures this: %s", p.line, s.title, line))
				}
			}
		}
	}
	return wrong
}

// TestFiguresHaveCommands: every figure of the README and of docs has beside it the command
// that measures it again.
func TestFiguresHaveCommands(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	figures := 0
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range without(string(text)) {
			t.Errorf("%s: %s", filepath.Base(file), w)
		}
		for _, s := range sections(string(text)) {
			for _, p := range s.blocks {
				figures += len(p.figures())
			}
		}
	}
	if figures < 60 {
		t.Errorf("only %d lines with figures were found: docs/performance.md alone has as many", figures)
	}
}
