package stream

import (
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestD6SinceIsKept: a stream that has brought nothing, or one line, is not resumed before
// the time from which on lines are wanted.
func TestD6SinceIsKept(t *testing.T) {
	from := logs.Position{Since: 1000e9}
	p := NewReader(strings.NewReader(""), Config{Resume: from, Events: new(counter)}).Position()
	if Since(p) != from.Since {
		t.Errorf("resumed at %d", Since(p))
	}
	if p.Last = from.Since + 1; Since(p) != from.Since {
		t.Errorf("after a line resumed at %d", Since(p))
	}
}
