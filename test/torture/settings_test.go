package torture

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// settings are what the environment says.
type settings struct {
	// seed decides about the faults of every actor, and their order.
	seed uint64
	// faults is how many there shall be.
	faults int
	// minutes, if not 0, ends the faults before that many have been.
	minutes int
	// clock allows steps of the machine's clock.
	clock bool
	// stages has lines go through stages, which hold each back until the next has come.
	stages bool
	// report is the file that the result is written to, if any.
	report string
}

// fewFaults is how many faults a run has that is not asked for more.
const fewFaults = 50

func read(t testing.TB) settings {
	t.Helper()
	s := settings{faults: fewFaults, seed: rand.Uint64N(1e9) + 1, clock: os.Getenv("TORTURE_CLOCK") == "1", report: os.Getenv("TORTURE_REPORT")}
	number(t, "TORTURE_MINUTES", &s.minutes)
	if s.minutes > 0 {
		s.faults = 1 << 30
	}
	number(t, "TORTURE_FAULTS", &s.faults)
	seed := 0
	if number(t, "TORTURE_SEED", &seed); seed > 0 {
		s.seed = uint64(seed)
	}
	s.stages = s.seed%2 == 0 // half of all runs
	return s
}

// number reads a variable if it is set.
func number(t testing.TB, name string, into *int) {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s must be a whole number above 0, not %q", name, text)
	}
	*into = n
}

// stagesFile has what changes no text: what comes of a line is compared with the line.
const stagesFile = `stages:
  - multiline: {firstline: '^', max_wait_time: 1s}
  - regex: {expression: '^(?P<writer>t\d+) '}
  - structured_metadata: {writer: }
  - drop: {expression: 'no line has this'}
`

// args are what the settings add to lighterman's.
func (s settings) args(t testing.TB) []string {
	t.Helper()
	if !s.stages {
		return nil
	}
	path := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(path, []byte(stagesFile), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--config", path}
}

// deadline is when no more faults begin.
func (s settings) deadline(from time.Time) time.Time {
	if s.minutes == 0 {
		return from.Add(24 * time.Hour)
	}
	return from.Add(time.Duration(s.minutes) * time.Minute)
}
