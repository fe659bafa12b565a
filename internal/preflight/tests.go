package preflight

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/rehearsal"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
)

// tests runs the tests of the configuration.
func (t *trials) tests(cfg *config.Config, lineStages *stage.Pipeline) {
	passed := 0
	for i := range cfg.Tests {
		test := &cfg.Tests[i]
		wrong, err := runTest(cfg, test, lineStages)
		if err != nil {
			wrong = []string{err.Error()}
		}
		if len(wrong) == 0 {
			passed++
			continue
		}
		t.problems = append(t.problems, fmt.Sprintf("%s:%d: test %q fails:\n    %s", test.Pos.File, test.Pos.Line, test.Name, strings.Join(wrong, "\n    ")))
	}
	if n := len(cfg.Tests); n > 0 {
		t.note("tests", "%d of %d passed", passed, n)
	}
}

// testBegin is the time of lines that have none. It is always the same, as what stages make
// of a line may depend on it.
var testBegin = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// runTest says what is not as a test expects.
func runTest(cfg *config.Config, test *config.Test, lineStages *stage.Pipeline) (wrong []string, err error) {
	c := test.Container
	name := cmp.Or(c.Name, "test")
	decided, err := host.Decide(cfg, slog.New(slog.DiscardHandler), &logs.Container{Name: name, Image: c.Image, Labels: c.Labels})
	if err != nil {
		return nil, err
	}
	if !decided.Chosen() {
		if len(test.Expect) == 0 {
			return nil, nil
		}
		return []string{"the container is not collected: " + decided.Excluded}, nil
	}
	out := rehearsal.Test{Subject: &rehearsal.Subject{
		Name: name, Labels: target.WithLabels(decided.Labels, test.Labels), Pipeline: lineStages, MaxLine: cfg.Limits.LineBytes,
	}}
	at := testBegin
	for i, l := range test.Input {
		switch {
		case !l.At.IsZero():
			at = l.At
		case i > 0:
			at = at.Add(l.After)
		}
		stream := logs.Stdout
		if l.Stream == logs.Stderr.String() {
			stream = logs.Stderr
		}
		out.Input = append(out.Input, rehearsal.Line{Time: at.UnixNano(), Stream: stream, Text: []byte(l.Line)})
	}
	for _, e := range test.Expect {
		out.Expect = append(out.Expect, rehearsal.Expected{
			Place: fmt.Sprintf("%s:%d", e.Pos.File, e.Pos.Line), Line: e.Line, Stream: e.Stream, Level: e.Level, Tenant: e.Tenant, Time: e.Time,
			Labels: e.Labels, Metadata: e.Metadata, Dropped: e.Dropped, Rule: e.Rule,
		})
	}
	return out.Run(), nil
}
