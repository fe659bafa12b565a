package conformance

import (
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/wait"
)

// scene is one container, one lighterman after another with one state, and one Loki.
type scene struct {
	t          *testing.T
	source     source
	sink       *sink
	args       []string
	lighterman *carrier.Carrier
}

func newScene(t *testing.T, docker *engine.PrivateEngine, name string, w work) *scene {
	t.Helper()
	s := &scene{t: t, sink: newSink(t), source: newSource(t, docker, name, w)}
	s.args = append(s.source.args(t), "--loki-url", s.sink.loki.URL, "--state-dir", t.TempDir(), "--since", "beginning")
	return s
}

func (s *scene) start() {
	s.t.Helper()
	s.lighterman = carrier.Start(s.t, s.args...)
	if s.sink.is(accepts) {
		s.lighterman.AwaitReady(s.t, 2*time.Minute)
		return
	}
	before := s.sink.loki.Pushes() // it is not ready without a Loki
	wait.For(s.t, 2*time.Minute, "a push", func() bool { return s.sink.loki.Pushes() > before })
}

func (s *scene) terminate() {
	s.t.Helper()
	if code := s.lighterman.Terminate(s.t); code != 0 {
		s.t.Errorf("exit code %d", code)
	}
}

// arrived waits until n more lines have come.
func (s *scene) arrived(n int) {
	s.t.Helper()
	before := len(s.sink.lines())
	wait.For(s.t, 2*time.Minute, "lines to arrive", func() bool { return len(s.sink.lines()) >= before+n })
}

// begun waits until any line has arrived, which may be the last one already.
func (s *scene) begun() {
	s.t.Helper()
	wait.For(s.t, 2*time.Minute, "a line to arrive", func() bool { return len(s.sink.lines()) > 0 })
}

// written waits until the container has written n more lines.
func (s *scene) written(n int) {
	s.t.Helper()
	before := len(s.source.stored(s.t))
	wait.For(s.t, 2*time.Minute, "lines to be written", func() bool { return len(s.source.stored(s.t)) >= before+n })
}

// end has the container write no more, and returns all that it has written.
func (s *scene) end() []ledger.Line {
	s.t.Helper()
	s.source.end(s.t)
	want := s.source.stored(s.t)
	if len(want) == 0 {
		s.t.Fatal("nothing was written")
	}
	return want
}

// check wants these lines, each once, and in the order of their times.
func (s *scene) check(want []ledger.Line) {
	s.t.Helper()
	wait.Until(time.Minute, func() bool { return len(s.sink.lines()) >= len(want) })
	s.terminate() // then it has delivered all that it has
	got := s.sink.lines()
	ledger.Compare(s.t, s.t.Name(), want, got)
	last := make(map[string]ledger.Line)
	for _, l := range got {
		if before, ok := last[l.Stream]; ok && l.Time < before.Time {
			s.t.Errorf("%v has come behind %v", l, before)
			return
		}
		last[l.Stream] = l
	}
}

// mode is what a sink does with a push.
type mode int

const (
	accepts  mode = iota
	away          // it keeps nothing, and says so
	swallows      // it keeps everything, and says that it has not
)

// sink is a Loki. Of entries that are equal it has one, as Loki has.
type sink struct {
	loki *fakeloki.Loki

	mu    sync.Mutex // guards the fields below
	mode  mode
	known map[fakeloki.Entry]bool
	kept  []ledger.Line // in the order of coming
	twice int
}

func newSink(t *testing.T) *sink {
	s := &sink{known: make(map[fakeloki.Entry]bool)}
	s.loki = fakeloki.StartWith(t, &fakeloki.Loki{CountOnly: true, Answer: s.answer})
	return s
}

var streamOf = regexp.MustCompile(`stream="(\w+)"`)

func (s *sink) answer(_ *http.Request, entries []fakeloki.Entry) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mode == away {
		return http.StatusServiceUnavailable, "away"
	}
	for _, e := range entries {
		if s.known[e] {
			s.twice++
			continue
		}
		s.known[e] = true
		stream := ""
		if m := streamOf.FindStringSubmatch(e.Labels); m != nil {
			stream = m[1]
		}
		s.kept = append(s.kept, ledger.Line{Time: e.Nanos, Stream: stream, Text: e.Line})
	}
	if s.mode == swallows {
		return http.StatusServiceUnavailable, "swallowed"
	}
	return http.StatusNoContent, ""
}

func (s *sink) is(m mode) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode == m
}

func (s *sink) set(m mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = m
}

func (s *sink) lines() []ledger.Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept)
}

// again is how many entries came that it had.
func (s *sink) again() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.twice
}
