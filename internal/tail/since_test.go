package tail

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestD6SinceAfterAnotherRoute: a log that was opened through the API, whose clock was set back
// then, is read from its file, wherever that is broken off. What was there when it was opened
// first never comes, though it is newer than what was delivered, and all comes that was written
// while nobody looked. The API learns the place of the file, and what it has said itself.
func TestD6SinceAfterAnotherRoute(t *testing.T) {
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		w := newWriter(t)
		w.format = format
		w.now += 1000
		w.number(1, 10) // there
		seen := logs.Seen{Known: true, Past: true, Time: w.now, Hash: xxhash.Sum64String("line 10\n")}
		w.now -= 500
		w.number(11, 20) // delivered through the API
		mark := logs.HighWaterMark{Time: w.now, Hashes: []uint64{xxhash.Sum64String("line 20")}}
		from := logs.Position{Since: w.now + 1e18, Seen: seen, Drained: 7, Last: w.now, Newest: [logs.Streams]logs.HighWaterMark{mark}}
		w.number(21, 30)
		var want []string
		for i := 21; i <= 30; i++ {
			want = append(want, fmt.Sprint("line ", i))
		}
		for steps := range 25 {
			at, got := from, []string(nil)
			for range 2 {
				r := openFormat(t, w.live, format, at)
				r.buf = NewBufferSize(150 + int(r.log.format.tail()))
				for range steps {
					r.step()
				}
				got = append(got, r.texts()...)
				at = r.saved()
				r.log.Close()
				if at.Drained != 7 || at.Since != from.Since || !at.Seen.Known || !at.Seen.Past || at.Seen.Time != seen.Time {
					t.Fatalf("%v, after %d steps: %+v", format, steps, at)
				}
			}
			r := openFormat(t, w.live, format, at)
			r.drain()
			if got = append(got, r.texts()...); !slices.Equal(got, want) {
				t.Fatalf("%v, after %d steps: got %q", format, steps, got)
			}
			if p := r.saved(); p.Seen != seen {
				t.Errorf("%v: got %+v, want %+v", format, p.Seen, seen)
			}
			r.log.Close()
		}
	}
}

// TestD6SinceForAnotherRoute: a log that was opened as a file is known to the API by its last
// record, and whether that was read.
func TestD6SinceForAnotherRoute(t *testing.T) {
	for _, rotated := range []bool{false, true} {
		w := newWriter(t)
		w.number(1, 10)
		last := logs.Seen{Known: true, Time: w.now, Hash: xxhash.Sum64String("line 10\n")}
		if rotated {
			w.rotate()
		}
		r := openReader(t, w.live, logs.Position{Since: w.now + 1e18})
		if got := r.saved().Seen; got != last {
			t.Errorf("rotated %v: opened, got %+v, want %+v", rotated, got, last)
		}
		if lines := r.drain(); len(lines) > 0 {
			t.Errorf("got %s", strings.Join(lines, ", "))
		}
		last.Past = true
		if got := r.saved().Seen; got != last {
			t.Errorf("rotated %v: read, got %+v, want %+v", rotated, got, last)
		}
		w.number(11, 12)
		expect(t, r.drain(), want(11, 12))
		if got := r.saved().Seen; got != last {
			t.Errorf("rotated %v: gone on, got %+v, want %+v", rotated, got, last)
		}
		r.log.Close()
	}
}
