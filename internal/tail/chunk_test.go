package tail

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestWhereverAChunkEnds: chunks may end at any byte of a record, also in a compressed file, of
// which the rest of a chunk is kept as it was read: what was tried to be decoded is read again.
func TestWhereverAChunkEnds(t *testing.T) {
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, compress := range []bool{false, true} {
			t.Run(fmt.Sprint(format, " compressed ", compress), func(t *testing.T) {
				w := newWriter(t)
				w.format, w.compress = format, compress
				var want []string
				for i := range 100 {
					text := fmt.Sprintf("%d \"quoted\" \\ <b> \x1b[0m é %s", i, strings.Repeat("\t", i%7))
					w.line(logs.Stream(i%2), text+"\n")
					want = append(want, fmt.Sprintf("%d %s %s", w.now, logs.Stream(i%2), text))
				}
				w.rotate()
				for size := 700; size < 1100; size++ {
					r := openFormat(t, w.live, format, logs.Position{})
					r.buf = NewBufferSize(size)
					if r.drain(); !slices.Equal(r.lines, want) || r.events != (counter{}) {
						t.Fatalf("in chunks of %d bytes: %d lines, want %d; %+v", size, len(r.lines), len(want), r.events)
					}
					r.log.Close()
				}
			})
		}
	}
}
