package console

import (
	"bytes"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func named(name string) *logs.Labels {
	return logs.NewLabels(map[string]string{"container": name}, nil)
}

// add adds lines of one container and stream, a nanosecond apart.
func add(b *logs.Batch, l *logs.Labels, s logs.Stream, time int64, lines ...string) {
	for i, line := range lines {
		b.Add(l, logs.Entry{Time: time + int64(i), Stream: s, Line: []byte(line)})
	}
}

// printed pushes batches and returns what was written.
func printed(t *testing.T, o Options, batches ...*logs.Batch) string {
	t.Helper()
	var out bytes.Buffer
	s := New(&out, o)
	for _, b := range batches {
		if got := s.Push(t.Context(), b); got.Kind != logs.Accepted || got.Err != nil {
			t.Fatalf("got %+v", got)
		}
	}
	return out.String()
}

// script is a writer that answers as it is told.
type script struct {
	bytes.Buffer
	answers []answer
	calls   int
}

type answer struct {
	n   int
	err error
}

func (s *script) Write(p []byte) (int, error) {
	s.calls++
	if len(s.answers) == 0 {
		return s.Buffer.Write(p)
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	s.Buffer.Write(p[:a.n])
	return a.n, a.err
}

var errFull = errors.New("no space left on device")
