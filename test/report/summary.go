package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is one line of `go test -json`.
type event struct {
	Time       time.Time
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Output     string
	Elapsed    float64
}

// slow is the number of seconds from which a passed test is named.
const slow = 20

// subject is a test, or with an empty name a package.
type subject struct{ pkg, test string }

func (s subject) String() string {
	if s.test == "" {
		return s.pkg
	}
	return s.pkg + "." + s.test
}

// summary is what has been read so far.
type summary struct {
	mu      sync.Mutex    // guards the fields below
	w       *bufio.Writer // flushed when all is in it that belongs together: others may write there, too
	over    bool
	output  map[subject]*strings.Builder
	running map[subject]time.Time // since when
	latest  time.Time
	failed  []string
	first   strings.Builder // of what failed, its first words
	skipped []string
	passed  int
	unended int
	// Of a command: how long it ran, and the processor's time of it and all that it waited for.
	took, cpu time.Duration
}

func newSummary(w io.Writer) *summary {
	return &summary{w: bufio.NewWriter(w), output: make(map[subject]*strings.Builder), running: make(map[subject]time.Time)}
}

func (s *summary) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.w, format, args...) }

func (s *summary) flush() { _ = s.w.Flush() }

// line sums up in a line.
func (s *summary) line(name string, ok bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	verdict := "ok"
	if !ok {
		verdict = "FAILED"
	}
	return fmt.Sprintf("%-30s %5.0f s %6.0f s of processor %5d passed %3d failed %3d skipped  %s",
		name, s.took.Seconds(), s.cpu.Seconds(), s.passed, len(s.failed)+s.unended, len(s.skipped), verdict)
}

func (s *summary) take(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	defer s.flush()
	var e event
	if json.Unmarshal(line, &e) != nil { // not from a test: show it as it is
		s.printf("%s", line)
		return
	}
	if e.Time.After(s.latest) {
		s.latest = e.Time
	}
	of := subject{e.Package + e.ImportPath, e.Test}
	switch e.Action {
	case "start", "run":
		s.running[of] = e.Time
		return
	case "output", "build-output":
		if s.output[of] == nil {
			s.output[of] = &strings.Builder{}
		}
		s.output[of].WriteString(e.Output)
		return
	case "build-fail":
		s.failed = append(s.failed, e.ImportPath+" (build)")
		s.show(of)
	case "fail":
		s.fail(of, e.Elapsed)
	case "skip":
		if e.Test != "" { // else a package without tests
			s.skipped = append(s.skipped, of.String())
			s.show(of)
		}
	case "pass":
		s.pass(of, e.Elapsed)
	default:
		return
	}
	delete(s.output, of)
	delete(s.running, of)
}

func (s *summary) fail(of subject, elapsed float64) {
	s.failed = append(s.failed, of.String())
	if of.test != "" {
		if text := s.output[of]; text != nil {
			fmt.Fprintf(&s.first, "%s\n%s", of, head(bounded(text.String())))
		}
		s.show(of)
		return
	}
	s.printf("FAIL  %s  %.1fs\n", of.pkg, elapsed)
	// It may have ended in the middle: by a panic, its time limit, or os.Exit.
	s.interrupted(of.pkg)
	s.show(of)
}

// firstWords is what failed tests said first.
func (s *summary) firstWords() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first.String()
}

// head is the beginning of a text: a few lines, not too long.
func head(text string) string {
	const lines, width = 6, 400
	var out strings.Builder
	for line := range strings.Lines(text) {
		if len(line) > width {
			line = line[:width] + "…\n"
		}
		out.WriteString(line)
		if strings.Count(out.String(), "\n") == lines {
			break
		}
	}
	return out.String()
}

func (s *summary) pass(of subject, elapsed float64) {
	if of.test == "" {
		s.printf("ok    %s  %.1fs\n", of.pkg, elapsed)
		return
	}
	s.passed++
	if elapsed >= slow {
		s.printf("      %s took %.0f s\n", of.test, elapsed)
	}
}

// show prints what a subject has written, within bounds.
func (s *summary) show(of subject) {
	if text := s.output[of]; text != nil {
		s.printf("%s", bounded(text.String()))
	}
}

// interrupted names the tests that have neither passed nor failed, of a package or with ""
// of all, those that began first at first, and shows what they have written.
func (s *summary) interrupted(pkg string) {
	var all []subject
	for of := range s.running {
		if of.test != "" && (pkg == "" || of.pkg == pkg) {
			all = append(all, of)
		}
	}
	slices.SortFunc(all, func(a, b subject) int {
		return cmp.Or(s.running[a].Compare(s.running[b]), strings.Compare(a.String(), b.String()))
	})
	for _, of := range all {
		s.printf("--- did not end: %s, begun %.0f s before\n", of, s.latest.Sub(s.running[of]).Seconds())
		fmt.Fprintf(&s.first, "%s\ndid not end\n", of)
		s.show(of)
		delete(s.output, of)
		delete(s.running, of)
	}
}

// end prints the sums and reports whether all is well. when says why there is no more, and
// at is that time, where it is later than the newest event.
func (s *summary) end(when string, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.flush()
	s.over = true
	if at.After(s.latest) {
		s.latest = at
	}
	unended := slices.SortedFunc(maps.Keys(s.running), func(a, b subject) int { return strings.Compare(a.String(), b.String()) })
	if s.unended = len(unended); s.unended > 0 {
		s.printf("these were running %s:\n", when)
		s.interrupted("")
	}
	for _, of := range unended {
		s.show(of) // of a package
		delete(s.output, of)
	}
	// What ended without a word, as after a killed process.
	for _, of := range slices.SortedFunc(maps.Keys(s.output), func(a, b subject) int { return strings.Compare(a.String(), b.String()) }) {
		if len(s.failed) > 0 {
			s.printf("--- %s\n", of)
			s.show(of)
		}
	}
	s.printf("%d passed, %d failed, %d skipped\n", s.passed, len(s.failed), len(s.skipped))
	for _, name := range s.failed {
		s.printf("  failed: %s\n", name)
	}
	for _, name := range s.skipped {
		s.printf("  skipped, which counts as a failure: %s\n", name)
	}
	for _, of := range unended {
		s.printf("  did not end: %s\n", of)
	}
	return len(s.failed)+len(s.skipped)+len(unended) == 0
}
