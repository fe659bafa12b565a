package rehearsal

import (
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/stage"
)

// JSON shows entries for programs: an object per line, those of entries and of their
// subjects, and in the end one with the summary.
type JSON struct {
	out     *json.Encoder
	summary summary
	err     error
}

// NewJSON makes a printer for programs. To a terminal all is escaped that would do something
// to it, or not show: it stays the same to who reads it.
func NewJSON(w io.Writer) *JSON {
	if f, is := w.(*os.File); is && console.IsTerminal(f) {
		w = harmless{w}
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return &JSON{out: out}
}

// shownSubject, shownEntry and shownSummary are the objects; docs/testing-rules.md describes
// them.
type shownSubject struct {
	Subject  string            `json:"subject"`
	About    string            `json:"about"`
	Labels   map[string]string `json:"labels"`
	Metadata map[string]string `json:"structured_metadata"`
	Notes    []string          `json:"notes"`
}

type shownView struct {
	Time      time.Time         `json:"time"`
	Line      string            `json:"line"`
	Labels    map[string]string `json:"labels"`
	Metadata  map[string]string `json:"structured_metadata"`
	Level     string            `json:"level,omitempty"`
	Tenant    string            `json:"tenant,omitempty"`
	Extracted map[string]string `json:"extracted,omitempty"`
}

type shownStep struct {
	Stage    string    `json:"stage"`
	Took     int64     `json:"took_ns"`
	Matched  *bool     `json:"matched,omitempty"`
	Redacted int       `json:"redacted,omitempty"`
	After    shownView `json:"after"`
}

type shownDrop struct {
	Rule  string `json:"rule"`
	Stage string `json:"stage"`
}

type shownEntry struct {
	Entry    string      `json:"entry"`
	Stream   string      `json:"stream"`
	Lines    int         `json:"lines"`
	JoinedBy string      `json:"joined_by,omitempty"`
	Read     shownView   `json:"read"`
	Steps    []shownStep `json:"stages"`
	Sent     *shownView  `json:"sent"`
	Dropped  *shownDrop  `json:"dropped"`
	Note     string      `json:"note,omitempty"`
}

type shownSummary struct {
	Summary *summary `json:"summary"`
}

// Subject implements Printer.
func (j *JSON) Subject(s *Subject, about string, notes []string) {
	j.put(shownSubject{s.Name, about, pairsOf(s.Labels.Pairs), pairsOf(s.Labels.Metadata), append([]string{}, notes...)})
}

// Entry implements Printer.
func (j *JSON) Entry(e *Entry) {
	j.summary.add(e)
	out := shownEntry{Entry: e.Subject.Name, Stream: e.Stream.String(), Lines: e.Lines, JoinedBy: e.JoinedBy, Read: shown(&e.Before), Steps: []shownStep{}, Note: e.Note}
	for i := range e.Steps {
		s := &e.Steps[i]
		step := shownStep{Stage: s.Stage, Took: s.Took.Nanoseconds(), Redacted: s.Redacted, After: shown(&s.After)}
		if s.Conditional {
			step.Matched = &s.Matched
		}
		out.Steps = append(out.Steps, step)
	}
	if e.Sent() {
		sent := shown(&e.After)
		out.Sent = &sent
	} else {
		out.Dropped = &shownDrop{e.Rule, e.DroppedBy}
	}
	j.put(out)
}

// End implements Printer.
func (j *JSON) End() error {
	if j.summary.Stages == nil {
		j.summary.Stages = []*stageTime{}
	}
	if j.summary.Dropped == nil {
		j.summary.Dropped = map[string]int{}
	}
	j.put(shownSummary{&j.summary})
	return j.err
}

func (j *JSON) put(object any) {
	if j.err == nil {
		j.err = j.out.Encode(object)
	}
}

func shown(v *stage.View) shownView {
	return shownView{time.Unix(0, v.Time).UTC(), v.Line, v.Labels, v.Metadata, v.Level, v.Tenant, v.Extracted}
}
