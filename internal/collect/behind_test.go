package collect

import (
	"fmt"
	"strings"
	"testing"
)

// TestP7CatchingUp: what is read of a log with more than a chunk in it counts as a backlog
// until all of it was read, and what is written afterwards does not, however much it is.
func TestP7CatchingUp(t *testing.T) {
	h := newHost(t)
	h.set("a", running("a", "json-file"))
	long := strings.Repeat("x", 15000)
	want := make([]string, 0, 200)
	add := func(n int) {
		for range n {
			h.write("a", len(want), long+`\n`)
			want = append(want, fmt.Sprintf("a stdout %d %s", len(want), long))
		}
	}
	behind := func() int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.counts["behind"]
	}
	add(100)
	h.start()
	h.await(want...)
	caught := behind()
	if caught == 0 {
		t.Error("a backlog was not noted")
	}
	add(100)
	h.await(want...)
	if n := behind(); n != caught {
		t.Errorf("what was written later counts as a backlog %d times", n-caught)
	}
}
