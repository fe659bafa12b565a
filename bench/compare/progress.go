package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// progress shows how far a run has come: a bar that is drawn again and again on a
// terminal, and a line now and then elsewhere. What is written to it goes before
// the bar.
type progress struct {
	to       io.Writer
	terminal bool
	phases   int
	each     time.Duration

	mu     sync.Mutex // guards the fields below
	number int
	name   string
	tenth  int // of the phase, that was told last
	drawn  bool
}

func newProgress(to *os.File, phases int, each time.Duration) *progress {
	_, err := unix.IoctlGetTermios(int(to.Fd()), unix.TCGETS)
	return &progress{to: to, terminal: err == nil, phases: phases, each: each}
}

// phase begins a phase.
func (p *progress) phase(number int, modes []*mode) {
	var names []string
	for _, m := range modes {
		names = append(names, m.name)
	}
	p.mu.Lock()
	p.number, p.name, p.tenth = number, strings.Join(names, ", "), -1
	p.mu.Unlock()
	p.say("an engine and its containers start")
}

// say tells what is going on besides.
func (p *progress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	_, _ = fmt.Fprintf(p.to, "[%d/%d] %s: %s\n", p.number+1, p.phases, p.name, text)
}

// barLength is the number of letters in a bar.
const barLength = 30

// at shows how far the phase has come.
func (p *progress) at(since time.Duration, lines int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	share := min(since.Seconds()/p.each.Seconds(), 1)
	text := fmt.Sprintf("[%d/%d] %s [%s] %3.0f %%, %v of %v, %d lines", p.number+1, p.phases, p.name,
		bar((float64(p.number)+share)/float64(p.phases)), 100*share, since.Round(time.Second), p.each, lines)
	switch tenth := int(share * 10); {
	case p.terminal:
		p.clear()
		_, _ = io.WriteString(p.to, text)
		p.drawn = true
	case tenth > p.tenth:
		p.tenth = tenth
		_, _ = fmt.Fprintln(p.to, text)
	}
}

// bar draws the share of all phases.
func bar(share float64) string {
	full := min(max(int(share*barLength), 0), barLength)
	return strings.Repeat("#", full) + strings.Repeat(".", barLength-full)
}

// clear takes the bar away; the lock is held.
func (p *progress) clear() {
	if p.drawn {
		_, _ = io.WriteString(p.to, "\r\x1b[K")
		p.drawn = false
	}
}

// Write implements io.Writer.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return p.to.Write(text)
}

// end takes the bar away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}
