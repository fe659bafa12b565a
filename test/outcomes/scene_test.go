package outcomes

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/test/lokitest"
)

// scene is one test's part of a Loki: what was sent, by container and line.
type scene struct {
	*testing.T
	loki   *lokitest.Loki
	client *loki.Client
	name   string
	now    time.Time
	labels map[string]*logs.Labels
	sent   map[string]map[string]bool
}

func newScene(t *testing.T, l *lokitest.Loki) *scene {
	u, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := loki.New(loki.Config{URL: u, Timeout: time.Minute, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &scene{
		T: t, loki: l, client: client, name: fmt.Sprint(t.Name(), rand.Uint32()), now: time.Now(),
		labels: map[string]*logs.Labels{}, sent: map[string]map[string]bool{},
	}
}

// container says what labels a container has beyond its name.
func (s *scene) container(name string, more, metadata map[string]string) {
	all := map[string]string{"test": s.name, "container": name}
	maps.Copy(all, more)
	s.labels[name] = logs.NewLabels(all, metadata)
	s.sent[name] = map[string]bool{}
}

// lines is a number of entries of a container, from an age on in steps of a
// millisecond.
type lines struct {
	container string
	count     int
	age       time.Duration
	size      int // of each line, if more than its text needs
}

// each calls f for every entry, and notes it as sent.
func (s *scene) each(parts []lines, f func(labels *logs.Labels, e logs.Entry)) {
	for _, p := range parts {
		if s.labels[p.container] == nil {
			s.container(p.container, nil, nil)
		}
		for k := range p.count {
			text := fmt.Sprintf("%s %d %v %d ", p.container, k, p.age, len(s.sent[p.container]))
			text += noise(p.size - len(text))
			s.sent[p.container][text] = true
			at := s.now.Add(-p.age).Add(time.Duration(k) * time.Millisecond)
			f(s.labels[p.container], logs.Entry{Time: at.UnixNano(), Line: []byte(text)})
		}
	}
}

// noise is text that compression does not make smaller by much.
func noise(n int) string {
	if n <= 0 {
		return ""
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[rand.IntN(len(letters))]
	}
	return string(out)
}

func (s *scene) batch(parts ...lines) *logs.Batch {
	b := &logs.Batch{}
	s.each(parts, b.Add)
	return b
}

func (s *scene) push(parts ...lines) logs.Outcome {
	return s.client.Push(s.Context(), s.batch(parts...))
}

// accepted pushes what must be accepted.
func (s *scene) accepted(parts ...lines) {
	s.Helper()
	if out := s.push(parts...); out.Kind != logs.Accepted {
		s.Fatalf("got %+v", out)
	}
}

// stored returns how many of a container's lines Loki has. It fails the test
// for lines that were not sent or are there twice.
func (s *scene) stored() map[string]int {
	s.Helper()
	counts, seen := map[string]int{}, map[string]bool{}
	for _, e := range s.loki.All(s, fmt.Sprintf("{test=%q}", s.name)) {
		name := e.Labels["container"]
		if !s.sent[name][e.Line] || seen[e.Line] {
			s.Errorf("%s: %.50q was not sent, or is there twice", name, e.Line)
		}
		seen[e.Line] = true
		counts[name]++
	}
	return counts
}

// lost returns how many lines were sent and are not stored, by container.
func (s *scene) lost() map[string]int {
	s.Helper()
	stored, lost := s.stored(), map[string]int{}
	for name, sent := range s.sent {
		if n := len(sent) - stored[name]; n > 0 {
			lost[name] = n
		}
	}
	return lost
}

func (s *scene) expectLost(want map[string]int) {
	s.Helper()
	if got := s.lost(); !maps.Equal(got, want) {
		s.Errorf("lost %v, want %v", got, want)
	}
}

func rejected(out logs.Outcome) map[string]int {
	counts := map[string]int{}
	for _, r := range out.Rejects {
		counts[r.Container] += r.Count
	}
	return counts
}

// withFlags makes lokitest start Loki with flags that are no limits.
func withFlags(t *testing.T, program string, flags ...string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nexec '" + program + "' \"$@\" " + strings.Join(flags, " ") + "\n"
	if err := os.WriteFile(dir+program[strings.LastIndex(program, "/"):], []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LIGHTERMAN_CACHE", dir)
}
