package rehearsal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// summary counts what became of lines, and the time of each stage.
type summary struct {
	Lines   int            `json:"lines"`
	Sent    int            `json:"sent"`
	Joined  int            `json:"joined"`
	Dropped map[string]int `json:"dropped"`
	Stages  []*stageTime   `json:"stages"`
}

// stageTime is what was spent in one stage.
type stageTime struct {
	Stage   string        `json:"stage"`
	Entries int           `json:"entries"`
	Dropped int           `json:"dropped"`
	Took    time.Duration `json:"took_ns"`
}

func (s *summary) add(e *Entry) {
	s.Lines += e.Lines
	s.Joined += e.Lines - 1
	if s.Dropped == nil {
		s.Dropped = make(map[string]int)
	}
	if e.Sent() {
		s.Sent++
	} else {
		s.Dropped[e.Rule]++
	}
	at := 0 // where a stage belongs that comes for the first time: behind the one before
	for i := range e.Steps {
		step := &e.Steps[i]
		n := slices.IndexFunc(s.Stages, func(t *stageTime) bool { return t.Stage == step.Stage })
		if n < 0 {
			n = at
			s.Stages = slices.Insert(s.Stages, n, &stageTime{Stage: step.Stage})
		}
		of := s.Stages[n]
		of.Entries++
		of.Took += step.Took
		if !e.Sent() && i == len(e.Steps)-1 {
			of.Dropped++
		}
		at = n + 1
	}
}

// text is the summary for people. Every line is in one of its counts.
func (s *summary) text(paint func(color, text string) string) string {
	var b strings.Builder
	parts := []string{fmt.Sprintf("%d sent", s.Sent)}
	if s.Joined > 0 {
		parts = append(parts, fmt.Sprintf("%d joined to others", s.Joined))
	}
	for _, rule := range slices.Sorted(maps.Keys(s.Dropped)) {
		parts = append(parts, fmt.Sprintf("%d dropped by %s", s.Dropped[rule], quoted(rule)))
	}
	noun := "lines"
	if s.Lines == 1 {
		noun = "line"
	}
	b.WriteString(paint(bold, fmt.Sprintf("%d %s", s.Lines, noun)) + ": " + strings.Join(parts, ", ") + "\n")
	width := len("STAGE")
	for _, t := range s.Stages {
		width = max(width, len(t.Stage))
	}
	if len(s.Stages) > 0 {
		fmt.Fprintf(&b, "%-*s  %8s  %8s  %11s  %11s\n", width, "STAGE", "ENTRIES", "DROPPED", "EACH", "IN ALL")
	}
	for _, t := range s.Stages {
		fmt.Fprintf(&b, "%-*s  %8d  %8d  %s  %s\n", width, t.Stage, t.Entries, t.Dropped, tabbed(t.Took/time.Duration(t.Entries)), tabbed(t.Took))
	}
	return b.String()
}

// tabbed is a time of as many letters as its column has.
func tabbed(d time.Duration) string { return fmt.Sprintf("%8.1f µs", float64(d.Nanoseconds())/1e3) }

func pairsOf(list []logs.Label) map[string]string {
	m := make(map[string]string, len(list))
	for _, l := range list {
		m[l.Name] = l.Value
	}
	return m
}
