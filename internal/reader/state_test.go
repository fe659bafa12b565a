package reader

import (
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestStep: what becomes of a source after a read.
func TestStep(t *testing.T) {
	gone, over := run{removed: true}, run{over: true}
	some := heldBack{what: logs.Held{Rest: 1}}
	warned := some
	warned.warned = true
	for name, test := range map[string]struct {
		facts facts
		want  step
	}{
		"more":                                 {facts{polls: true, reported: true, patience: patience}, readOn},
		"more of a removed one":                {facts{run: gone}, readOn},
		"all of a removed one":                 {facts{taken: taken{atEnd: true}, run: gone, polls: true, patience: patience}, finish},
		"a removed one that lingers":           {facts{taken: taken{atEnd: true, lingers: true}, run: gone, polls: true, reported: true, patience: patience}, pollSlowly},
		"a run that is over and lingers":       {facts{taken: taken{atEnd: true, lingers: true}, run: over, reported: true}, sleep},
		"a run that is over and holds lines":   {facts{taken: taken{atEnd: true, lingers: true}, run: over, heldBack: some, polls: true, reported: true, patience: patience}, pollSlowly},
		"is written":                           {facts{taken: taken{atEnd: true}, polls: true, reported: true, patience: 1}, pollSoon},
		"is written, and not watched":          {facts{taken: taken{atEnd: true}, polls: true, patience: 1}, pollSoon},
		"was written":                          {facts{taken: taken{atEnd: true}, polls: true, reported: true}, sleep},
		"was written, and not watched":         {facts{taken: taken{atEnd: true}, polls: true}, pollSlowly},
		"no polls":                             {facts{taken: taken{atEnd: true}, reported: true, patience: patience}, sleep},
		"holds a line":                         {facts{taken: taken{atEnd: true}, polls: true, reported: true, heldBack: some}, pollSlowly},
		"has an open entry":                    {facts{taken: taken{atEnd: true, grouping: true}, polls: true, reported: true, heldBack: warned}, pollSlowly},
		"holds a line, as everybody has heard": {facts{taken: taken{atEnd: true}, polls: true, reported: true, heldBack: warned}, sleep},
	} {
		if got := test.facts.step(); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// TestHeld: what is held back is complete when it was there before the engine said that
// the run is over, or when the container is gone.
func TestHeld(t *testing.T) {
	seen := time.Unix(1000, 0)
	what := logs.Held{Lines: [logs.Streams]int64{logs.Stderr: 7}}
	h := heldBack{}.next(what, 10, seen)
	for name, test := range map[string]struct {
		heldBack      heldBack
		run           run
		lingers       bool
		complete, ask bool
	}{
		"running":            {heldBack: h},
		"nothing is held":    {run: run{over: true, asOf: seen.Add(1)}},
		"over since":         {heldBack: h, run: run{over: true, asOf: seen.Add(1)}, complete: true},
		"over before":        {heldBack: h, run: run{over: true, asOf: seen}, ask: true},
		"over and lingers":   {heldBack: h, run: run{over: true, asOf: seen.Add(1)}, lingers: true},
		"removed":            {heldBack: h, run: run{removed: true}, complete: true},
		"removed, and more?": {heldBack: h, run: run{removed: true}, lingers: true},
	} {
		if complete, ask := test.heldBack.complete(test.run, test.lingers); complete != test.complete || ask != test.ask {
			t.Errorf("%s: complete %v, ask %v", name, complete, ask)
		}
	}
	h.warned = true
	if h = h.next(what, 20, seen.Add(time.Hour)); !h.since.Equal(seen) || !h.warned || h.report().Bytes != 20 || !h.report().Line {
		t.Errorf("more of the same: %+v", h)
	}
	if h = h.next(logs.Held{Rest: 5}, 0, seen.Add(time.Hour)); h.since.Equal(seen) || h.warned || h.report().Line {
		t.Errorf("something else: %+v", h)
	}
	if h = h.next(logs.Held{}, 0, seen); h.report() != nil {
		t.Errorf("nothing: %+v", h)
	}
}
