package main

import (
	"fmt"
	"regexp"
	"strings"
)

// The bounds of what is shown of a test, in lines, and of a line, in bytes.
const (
	// longest is how many lines a message may have that is shown in its place and whole.
	longest = 40
	// A longer one, as the log of a program, comes behind all others: its beginning and its end.
	logHead, logTail = 2, 40
	// What no test has said, as a panic with its stacks, says the most where it begins.
	crashHead, crashTail = 400, 40
	mostMessages         = 100
	widest               = 4 << 10
)

// said is how the testing package begins what a test logs.
var said = regexp.MustCompile(`^ +[^\s:]+\.go:\d+: `)

// message is what a test has logged at once, or what lies between: which no test has said.
type message struct {
	lines []string
	crash bool
}

// bounded returns what a test has written, so that a person finds what matters: what it
// says of itself first, then the logs that it has added, of each the end.
func bounded(text string) string {
	var verdict, short, logs []string
	kept, left := 0, 0
	for _, m := range messages(text) {
		if strings.HasPrefix(strings.TrimLeft(m.lines[0], " "), "--- ") {
			verdict = append(verdict, m.lines...)
			continue
		}
		if kept++; kept > mostMessages {
			left++
			continue
		}
		switch {
		case m.crash:
			short = append(short, cut(m.lines, crashHead, crashTail)...)
		case len(m.lines) <= longest:
			short = append(short, m.lines...)
		default:
			logs = append(logs, cut(m.lines, logHead, logTail)...)
		}
	}
	if left > 0 {
		short = append(short, fmt.Sprintf("    … %d more messages are left out", left))
	}
	var out strings.Builder
	for _, lines := range [][]string{verdict, short, logs} {
		for _, line := range lines {
			if len(line) > widest {
				line = fmt.Sprintf("%s … of %d bytes", strings.ToValidUTF8(line[:widest], ""), len(line))
			}
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

// messages takes apart what a test has written.
func messages(text string) (all []message) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		last := len(all) - 1
		switch {
		case strings.HasPrefix(line, "=== "): // RUN, PAUSE, CONT, NAME
		case said.MatchString(line) || strings.HasPrefix(strings.TrimLeft(line, " "), "--- "):
			all = append(all, message{lines: []string{line}})
		case last < 0 || !strings.HasPrefix(line, "        ") && !all[last].crash && line != "":
			all = append(all, message{lines: []string{line}, crash: true})
		default:
			all[last].lines = append(all[last].lines, line)
		}
	}
	return all
}

// cut leaves out the middle of too many lines.
func cut(lines []string, head, tail int) []string {
	if len(lines) <= head+tail {
		return lines
	}
	out := append([]string(nil), lines[:head]...)
	out = append(out, fmt.Sprintf("        … %d lines are left out", len(lines)-head-tail))
	return append(out, lines[len(lines)-tail:]...)
}
