package tail

import (
	"fmt"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestCompressedNameUsedAgain: several rotations go by between two looks, fewer
// than files are kept. A compressed file may then have the name and the inode of
// one that was there at the look before, and is new all the same.
func TestCompressedNameUsedAgain(t *testing.T) {
	w := newWriter(t)
	w.maxFiles, w.compress = 5, true
	w.number(0, 9)
	r := openReader(t, w.live, logs.Position{})
	reused, next := 0, 10
	for round := range 60 {
		for range w.maxFiles - 1 {
			w.rotate()
			w.number(next, next+9)
			next += 10
		}
		before := r.log.listed
		if err := r.log.Capture(); err != nil {
			t.Fatal(err)
		}
		for _, n := range r.log.listed {
			for _, old := range before {
				if n.path == old.path && n.id == old.id && isCompressed(n.path) {
					reused++
				}
			}
		}
		r.drain()
		if want := next; len(r.lines) != want {
			t.Fatalf("round %d: %d lines, want %d", round, len(r.lines), want)
		}
	}
	t.Logf("%d names and inodes were used again", reused)
	for i, line := range r.lines {
		if want := fmt.Sprintf("line %d", i); line[len(line)-len(want):] != want {
			t.Fatalf("line %d is %q", i, line)
		}
	}
}
