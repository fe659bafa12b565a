package tail

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestV1LookedAtWhileRead: the watcher's goroutine looks at files, to tell them from each
// other, while the reader decodes one of them. With the race detector this shows whether
// they share anything; without it, that no line gets another's text.
func TestV1LookedAtWhileRead(t *testing.T) {
	t.Parallel()
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprint("compress ", compress), func(t *testing.T) {
			w := newWriter(t)
			w.maxFiles, w.compress = 40, compress
			line := func(i int) string { return fmt.Sprintf("line %d %s\n", i, strings.Repeat("\"quoted\" é\t", 40)) }
			r := openReader(t, w.live, logs.Position{})
			var (
				reading sync.WaitGroup
				stop    = make(chan struct{})
			)
			const rotations, each = 60, 40
			reading.Add(1)
			go func() {
				defer reading.Done()
				for {
					r.step()
					select {
					case <-stop:
						return
					default:
					}
				}
			}()
			next := 0
			for i := range rotations {
				for range each {
					w.line(logs.Stdout, line(next))
					next++
				}
				w.rotate()
				if i%3 == 2 { // several between two looks
					if err := r.log.Capture(); err != nil {
						t.Error(err)
					}
				}
			}
			close(stop)
			reading.Wait()
			for _, got := range r.drain() {
				_, text, _ := strings.Cut(got, " stdout ")
				var n int
				if _, err := fmt.Sscanf(text, "line %d", &n); err != nil || text+"\n" != line(n) {
					t.Fatalf("made up: %.200q", got)
				}
			}
		})
	}
}
