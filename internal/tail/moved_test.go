package tail

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// rotateAll is what the engine does with a full file although an operator has taken its
// name: it passes over names that are not there, and compresses what has the name.
func (w *writer) rotateAll() {
	w.must(w.file.Close())
	_ = os.Remove(w.name(w.maxFiles - 1))
	for i := w.maxFiles - 1; i > 1; i-- {
		_ = os.Rename(w.name(i-1), w.name(i))
	}
	moved := os.Rename(w.live, w.live+".1") == nil
	w.reopen(os.O_TRUNC)
	if w.compress && moved {
		w.gzip()
	}
}

// TestV2CompressedBesideMoved: the engine compresses what it rotates, and an operator moves
// the live file to the name that the last of these had before. Both are read, in order, and
// neither comes again when the engine rotates the compressed one on.
func TestV2CompressedBesideMoved(t *testing.T) {
	for _, o := range operators {
		if !slices.Contains([]string{"mv X.1", "mv X.1, empty", "logrotate twice"}, o.name) {
			continue
		}
		for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
			for _, rotated := range []int{1, 2, 3} {
				for _, away := range []bool{true, false} {
					for _, linked := range []bool{true, false} {
						for _, unread := range []int{0, 1, 2} {
							if unread > rotated || testing.Short() && linked != (format == logs.JSONLines) {
								continue
							}
							for _, atOnce := range []int{1, 3} {
								t.Run(fmt.Sprintf("%s/format %d/rotated %d/away %v/linked %v/unread %d/at once %d", o.name, format, rotated, away, linked, unread, atOnce), func(t *testing.T) {
									besideMoved(t, o, away, format, rotated, unread, linked, atOnce)
								})
							}
						}
					}
				}
			}
		}
	}
}

// atOnce is how many rotations there are between two looks.
func besideMoved(t *testing.T, o operator, away bool, format logs.FileFormat, rotated, unread int, linked bool, atOnce int) {
	k := newKeeper(t, 0, linked)
	k.format = format
	w := newWriter(t)
	w.format, w.compress = format, true
	next := 1
	write := func(n int) {
		w.number(next, next+n-1)
		next += n
	}
	write(5)
	r := k.reader(w.live, 1, logs.Position{})
	r.drain()
	for i := range rotated {
		w.rotate()
		w.must(r.log.Capture())
		write(5)
		if rotated-i > unread {
			r.drain()
		}
	}
	at, lines := r.saved(), r.lines
	if away {
		r.log.Close()
	}
	o.do(w)
	write(2)
	if away {
		k.restart(0)
		r = k.reader(w.live, 1, at)
		r.lines = lines
	}
	r.drain()
	r.log.stray.looked = time.Time{}
	r.drain()
	expect(t, r.lines, want(1, next-1))
	for i := range 2 * atOnce * 2 {
		w.rotateAll()
		write(5)
		if (i+1)%atOnce == 0 {
			if (rotated+unread)%2 == 0 { // so much time has passed that it is looked for again
				r.log.stray.looked = time.Time{}
			}
			r.drain()
			expect(t, r.lines, want(1, next-1))
		}
	}
	if r.events.away > 0 || r.events.corrupt > 0 {
		t.Errorf("%+v", r.events)
	}
}
