package collect

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestLookIgnoresTheHostsClock: a clock that is set back by an hour must not leave a
// stalled stream alone for an hour.
func TestLookIgnoresTheHostsClock(t *testing.T) {
	var s streamSource
	now := time.Now()
	s.lookIn(now, minSilence)
	if wait := s.lookAt.Sub(now); wait <= minSilence || wait > 2*minSilence {
		t.Errorf("the next look is in %v", wait)
	}
	if wall := s.lookAt.Round(0); !wall.Equal(wall.Truncate(minSilence)) {
		t.Errorf("the next look is at %v, not when all look", wall)
	}
	if !strings.Contains(s.lookAt.String(), " m=") {
		t.Errorf("the next look is at %v by the host's clock", s.lookAt)
	}
}

// behind is an engine whose logs have a record at the time newest.
type behind struct {
	*host
	newest int64
}

func (b behind) Newest(context.Context, string, bool, int64) (int64, error) { return b.newest, nil }

// TestListen tells which silent streams are opened again, and why.
func TestListen(t *testing.T) {
	const more = began + 1
	for _, test := range []struct {
		name      string
		container *logs.Container
		turn      *turn
		spoke     bool
		search    time.Duration
		silent    time.Duration
		newest    int64
		removed   bool
		want      error
	}{
		{name: "stalled", container: running("a", "local"), spoke: true, silent: minSilence, newest: more, want: errStalled},
		{name: "nothing to hear", container: running("a", "local"), spoke: true, silent: time.Hour, newest: began},
		{name: "heard a moment ago", container: running("a", "local"), spoke: true, silent: minSilence / 2, newest: more},
		{name: "searching", container: running("a", "json-file"), silent: unboundedSearch - 1, newest: more},
		{name: "stalled before the first record", container: running("a", "json-file"), silent: unboundedSearch, newest: more, want: errStalled},
		{name: "searching in a long log", container: running("a", "json-file"), search: 2 * unboundedSearch, silent: unboundedSearch, newest: more},
		{name: "stalled where there is not much to search", container: running("a", "local"), silent: 2 * minSilence, newest: more, want: errStalled},
		{name: "no end", container: stopped("a", "local"), spoke: true, silent: minSilence, newest: began, want: errEndless},
		{name: "searching when the run ended", container: stopped("a", "local"), silent: unboundedSearch, newest: began},
		{name: "no end of the next run", container: stopped("a", "local"), turn: &turn{over: true}, spoke: true, silent: minSilence, newest: began, want: errEndless},
		{name: "run is read and does not end", container: stopped("a", "local"), turn: &turn{has: true}, spoke: true, silent: maxEnd, newest: began, want: errEndless},
		{name: "run is read", container: stopped("a", "local"), turn: &turn{has: true}, spoke: true, silent: minSilence, newest: began},
		{name: "run is read and stalled", container: stopped("a", "local"), turn: &turn{has: true}, spoke: true, silent: minSilence, newest: more, want: errStalled},
		{name: "turn has not come", container: stopped("a", "local"), turn: &turn{}, spoke: true, silent: time.Hour, newest: more},
		{name: "removed", container: stopped("a", "local"), spoke: true, silent: time.Hour, newest: more, removed: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := New(Config{Engine: behind{host: newHost(t), newest: test.newest}, Log: slog.New(slog.DiscardHandler)})
			ctx, cancel := context.WithCancelCause(t.Context())
			u := &unit{id: "a", removed: test.removed, search: test.search, stream: &streamSource{cancel: cancel, silence: minSilence, turn: test.turn}}
			u.current.Store(test.container)
			u.stream.spoke.Store(test.spoke)
			u.heard.Store(began)
			u.idle()
			c.listen(t.Context(), u, u.idleSince.Load().Add(test.silent))
			if err := c.streams.Wait(); err != nil {
				t.Fatal(err)
			}
			if got := context.Cause(ctx); !errors.Is(got, test.want) || (got != nil) != (test.want != nil) {
				t.Errorf("the stream is ended because of %v, want %v", got, test.want)
			}
		})
	}
}

// TestSearchTakesLonger: a stream that was broken before it brought anything may
// have been searching; the next one is given twice the time, until one speaks.
func TestSearchTakesLonger(t *testing.T) {
	u, s := &unit{}, &streamSource{}
	u.current.Store(running("a", "json-file"))
	u.stream = s
	for i, want := range []time.Duration{2 * unboundedSearch, 4 * unboundedSearch, 8 * unboundedSearch, maxSearch, maxSearch} {
		u.broke(s, errStalled)
		if got := u.patience(); got != want {
			t.Errorf("patience is %v after %d streams, want %v", got, i+1, want)
		}
	}
	u.broke(s, io.ErrUnexpectedEOF)
	if got := u.patience(); got != maxSearch {
		t.Errorf("patience is %v after a broken connection, want %v", got, maxSearch)
	}
	s.spoke.Store(true)
	u.broke(s, errStalled)
	u.stream = &streamSource{}
	if got := u.patience(); got != unboundedSearch {
		t.Errorf("patience is %v after a stream has spoken, want %v", got, unboundedSearch)
	}
}

// TestSearchTime: 20 s, and as long as the engine may take for all that there can be.
func TestSearchTime(t *testing.T) {
	for size, want := range map[string]time.Duration{"": unboundedSearch, "10m": 2*minSilence + time.Second/2, "10g": unboundedSearch} {
		c := running("a", "json-file")
		c.DriverOptions = map[string]string{"max-size": size}
		if got := searchTime(c); got < want-time.Second/10 || got > want+time.Second/10 {
			t.Errorf("%q: %v, want %v", size, got, want)
		}
	}
}
