package stream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

const began = 1_700_000_000_000_000_000

func running(name, driver string) *logs.Container {
	return &logs.Container{ID: "a", Name: name, Driver: driver, Running: true, StartedAt: time.Unix(0, began)}
}

func stopped(name, driver string) *logs.Container {
	c := running(name, driver)
	c.Running = false
	return c
}

// TestLookIgnoresTheHostsClock: a clock that is set back by an hour must not leave a
// stalled stream alone for an hour.
func TestLookIgnoresTheHostsClock(t *testing.T) {
	var d doubt
	now := time.Now()
	d.lookIn(now, minSilence)
	if wait := d.lookAt.Sub(now); wait <= minSilence || wait > 2*minSilence {
		t.Errorf("the next look is in %v", wait)
	}
	if wall := d.lookAt.Round(0); !wall.Equal(wall.Truncate(minSilence)) {
		t.Errorf("the next look is at %v, not when all look", wall)
	}
	if !strings.Contains(d.lookAt.String(), " m=") {
		t.Errorf("the next look is at %v by the host's clock", d.lookAt)
	}
}

// behind is an engine whose logs have a record at the time newest.
type behind struct {
	Engine
	newest int64
}

func (b behind) Newest(context.Context, string, bool, int64) (int64, error) { return b.newest, nil }

// source makes a source of a container that is not read.
func (g *Group) source(t *testing.T, c *logs.Container, search time.Duration) *Source {
	out := producer.New("a", slog.New(slog.DiscardHandler), nil, nil, nil, nil)
	s := newSource(t.Context(), g, Start{Producer: out, Container: c, Position: logs.Position{Last: began}, Search: search})
	t.Cleanup(s.trust)
	return s
}

// TestListen: which silent streams are opened again, and why.
func TestListen(t *testing.T) {
	const more = began + 1
	for _, test := range []struct {
		name      string
		container *logs.Container
		permit    *permit
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
		{name: "no end of the next run", container: stopped("a", "local"), permit: &permit{over: true}, spoke: true, silent: minSilence, newest: began, want: errEndless},
		{name: "run is read and does not end", container: stopped("a", "local"), permit: &permit{has: true}, spoke: true, silent: maxEnd, newest: began, want: errEndless},
		{name: "run is read", container: stopped("a", "local"), permit: &permit{has: true}, spoke: true, silent: minSilence, newest: began},
		{name: "run is read and stalled", container: stopped("a", "local"), permit: &permit{has: true}, spoke: true, silent: minSilence, newest: more, want: errStalled},
		{name: "permit has not come", container: stopped("a", "local"), permit: &permit{}, spoke: true, silent: time.Hour, newest: more},
		{name: "removed", container: stopped("a", "local"), spoke: true, silent: time.Hour, newest: more, removed: true, want: errSilent},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := NewGroup(GroupConfig{Engine: behind{newest: test.newest}})
			ctx, cancel := context.WithCancelCause(t.Context())
			s := g.source(t, running("a", test.container.Driver), test.search)
			s.permit, s.cancel = test.permit, cancel
			s.spoke.Store(test.spoke)
			removedAt := time.Time{}
			if test.removed {
				removedAt = time.Now()
			}
			s.doubt.container, s.doubt.removedAt = test.container, removedAt
			idle := time.Now()
			s.idleSince.Store(&idle)
			s.doubt.lookAt = time.Time{}
			s.attend(idle.Add(test.silent))
			g.Wait()
			got := context.Cause(ctx)
			if !errors.Is(got, test.want) || (got != nil) != (test.want != nil) {
				t.Errorf("the stream is ended because of %v, want %v", got, test.want)
			}
		})
	}
}

// TestSearchTakesLonger: a stream that was broken before it brought anything may
// have been searching; the next one is given twice the time, until one speaks.
func TestSearchTakesLonger(t *testing.T) {
	g, search := NewGroup(GroupConfig{}), time.Duration(0)
	container := running("a", "json-file")
	for i, want := range []time.Duration{2 * unboundedSearch, 4 * unboundedSearch, 8 * unboundedSearch, maxSearch, maxSearch} {
		search = g.source(t, container, search).nextSearch(errStalled)
		if got := g.source(t, container, search).Patience(); got != want {
			t.Errorf("patience is %v after %d streams, want %v", got, i+1, want)
		}
	}
	search = g.source(t, container, search).nextSearch(io.ErrUnexpectedEOF)
	if got := g.source(t, container, search).Patience(); got != maxSearch {
		t.Errorf("patience is %v after a broken connection, want %v", got, maxSearch)
	}
	s := g.source(t, container, search)
	s.spoke.Store(true)
	if got := g.source(t, container, s.nextSearch(errStalled)).Patience(); got != unboundedSearch {
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
