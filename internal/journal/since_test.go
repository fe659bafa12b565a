package journal

import (
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/journald"
)

// TestD6SinceEndsAtAPlace: since is for what is in the journal when a log is opened, and
// that is counted; what comes after it is a line, whatever the clock says. Here it is a
// time that has not come yet, which is the same as a clock that was set back.
func TestD6SinceEndsAtAPlace(t *testing.T) {
	for name, rotated := range map[string]bool{"one file": false, "several files": true} {
		t.Run(name, func(t *testing.T) {
			d := journald.Start(t)
			j := open(d)
			t.Cleanup(func() { j.Close() })
			c := d.Container(t, id(1))
			write(c, numbered(0, 20))
			if rotated {
				d.Rotate(t)
			}
			write(c, numbered(20, 40))
			write(d.Container(t, id(2)), numbered(0, 5))
			await := j.read(id(1), logs.Position{})
			await.await(t, 40)
			await.Close()

			from := logs.Position{Since: time.Now().Add(time.Hour).UnixNano()}
			r := j.read(id(1), from)
			write(c, numbered(40, 50)) // before the first look
			r.expect(t, numbered(40, 50))
			if rotated {
				d.Rotate(t)
			}
			write(c, numbered(50, 60))
			r.expect(t, numbered(40, 60))
			if r.events.skipped != 40 {
				t.Errorf("%d lines were counted as left out, want 40", r.events.skipped)
			}
			at := r.Position()
			r.Close()
			write(c, numbered(60, 70))
			r = j.read(id(1), at)
			r.expect(t, numbered(60, 70))
			if r.events.skipped != 0 {
				t.Errorf("%d lines were left out after a restart", r.events.skipped)
			}
			r.Close()

			// Nothing but what is left out: the place is kept all the same.
			r = j.read(id(2), from)
			r.drain()
			at = r.Position()
			r.Close()
			write(d.Container(t, id(2)), numbered(5, 7))
			r = j.read(id(2), at)
			r.expect(t, numbered(5, 7))
			r.Close()
		})
	}
}

// TestD6NothingWasThere: what a container writes that had written nothing when its log was
// opened is a line, also after a restart, and whatever the clock says.
func TestD6NothingWasThere(t *testing.T) {
	d := journald.Start(t)
	j := open(d)
	t.Cleanup(func() { j.Close() })
	write(d.Container(t, id(2)), numbered(0, 5)) // another
	other := j.read(id(2), logs.Position{})
	other.await(t, 5)
	other.Close()
	r := j.read(id(1), logs.Position{Since: time.Now().Add(time.Hour).UnixNano()})
	at := r.Position()
	r.Close()
	write(d.Container(t, id(1)), numbered(0, 5))
	r = j.read(id(1), at)
	r.expect(t, numbered(0, 5))
	if r.events.skipped != 0 {
		t.Errorf("%d lines were left out", r.events.skipped)
	}
	r.Close()
}

// TestD6ReplayEndsAtAPlace: after the API, what is older than what it has brought is left
// out, and counted, as far as it was there when the journal was opened.
func TestD6ReplayEndsAtAPlace(t *testing.T) {
	d := journald.Start(t)
	j := open(d)
	t.Cleanup(func() { j.Close() })
	c := d.Container(t, id(1))
	write(c, numbered(0, 10))
	first := j.read(id(1), logs.Position{})
	first.await(t, 10)
	first.Close()
	last := time.Now().Add(time.Hour).UnixNano()
	r := j.read(id(1), logs.Position{Last: last, Newest: [logs.Streams]logs.HighWaterMark{{Time: last, Hashes: []uint64{1}}, {Time: last, Hashes: []uint64{2}}}})
	write(c, numbered(10, 20))
	r.expect(t, numbered(10, 20))
	if r.events.skipped != 10 {
		t.Errorf("%d lines were counted as left out, want 10", r.events.skipped)
	}
	r.Close()
}

// TestD6SinceOverRoutes: where since ends is kept by the journal for the API, and taken from it:
// what was there when the log was opened first never comes, however soon reading is broken off,
// and what came later does, whatever the clock says.
func TestD6SinceOverRoutes(t *testing.T) {
	d := journald.Start(t)
	j := open(d)
	t.Cleanup(func() { j.Close() })
	c := d.Container(t, id(1))
	write(c, numbered(0, 20))
	r := j.read(id(1), logs.Position{})
	r.await(t, 20)
	newest := logs.Seen{Known: true, Time: r.times[19]}
	r.Close()

	from := logs.Position{Since: time.Now().Add(time.Hour).UnixNano(), Drained: 7}
	r = j.read(id(1), from)
	if got := r.Position().Seen; got.Time != newest.Time || got.Past {
		t.Errorf("opened: got %+v, want %+v", got, newest)
	}
	r.drain()
	at := r.Position()
	r.Close()
	if got := at.Seen; got.Time != newest.Time || !got.Past || at.Drained != 7 || at.Since != from.Since {
		t.Errorf("read: got %+v", at)
	}

	// Broken off among what is left out.
	r = j.read(id(1), from)
	half := r.Position()
	r.Close()
	for s := range half.Journal {
		half.Journal[s] = entryOf(t, j, 5)
	}
	write(c, numbered(20, 25))
	r = j.read(id(1), half)
	r.expect(t, numbered(20, 25))
	r.Close()

	// The API has brought nothing, or five lines by a clock that was set back.
	at.Journal = [logs.Streams]logs.JournalPosition{}
	r = j.read(id(1), at)
	r.expect(t, numbered(20, 25))
	if got := r.Position().Seen; got.Time != newest.Time || !got.Past || got.Ahead {
		t.Errorf("after the API: got %+v", got)
	}
	r.Close()
}

// entryOf is the place of an entry of the first container.
func entryOf(t *testing.T, j *Journal, n int) logs.JournalPosition {
	t.Helper()
	r := j.read(id(1), logs.Position{})
	defer r.Close()
	r.limit = 1
	for len(r.lines) <= n {
		r.Read(r.scratch, r.limit, r.emit)
	}
	return r.Position().Journal[logs.Stdout]
}
