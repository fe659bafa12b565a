package collect

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestNext: what is done, in each situation.
func TestNext(t *testing.T) {
	now := time.Unix(1000, 0)
	later := now.Add(time.Second)
	wanted := fate{wanted: true}
	gone := func(p presence) fate { return fate{presence: p, removedAt: now} }
	for _, test := range []struct {
		name  string
		s     situation
		wants logs.RouteKind
		want  action
	}{
		{"a file", situation{fate: wanted, route: logs.File, room: true}, logs.File, start},
		{"no descriptor", situation{fate: wanted, route: logs.File}, logs.File, park},
		{"no descriptor, as before", situation{phase: parked, fate: wanted, route: logs.File}, logs.File, nothing},
		{"it has its turn", situation{phase: parked, fate: wanted, route: logs.File, room: true}, logs.File, nothing},
		{"the journal needs no descriptor", situation{fate: wanted, route: logs.Journal}, logs.Journal, start},
		{"the journal does not wait", situation{phase: parked, fate: wanted, route: logs.Journal}, logs.Journal, start},
		{"failed a moment ago", situation{fate: wanted, route: logs.File, room: true, retryAt: later}, logs.File, nothing},
		{"failed some time ago", situation{fate: wanted, route: logs.File, room: true, retryAt: now}, logs.File, start},
		{"is read", situation{phase: reading, fate: wanted, route: logs.File, runs: logs.File}, logs.File, nothing},
		{"another route", situation{phase: reading, fate: wanted, route: logs.File, runs: logs.API}, logs.File, stop},
		{"another route, was asked", situation{phase: stopping, fate: wanted, route: logs.File, runs: logs.API}, logs.File, nothing},
		{"another route, yields", situation{phase: yielding, fate: wanted, route: logs.File, runs: logs.API}, logs.File, nothing},
		{"unreadable", situation{fate: wanted, room: true}, logs.Unreadable, nothing},
		{"too early", situation{fate: fate{wanted: true, early: true}, route: logs.File, room: true}, logs.File, nothing},
		{"refused", situation{fate: fate{wanted: true, refused: true}, route: logs.API, streamable: true, room: true}, logs.Unreadable, nothing},
		{"a run that was not read", situation{fate: wanted, route: logs.API, streamable: true, room: true}, logs.API, start},
		{"a run that was read", situation{fate: wanted, route: logs.API, room: true}, logs.Unreadable, nothing},
		{"excluded and read", situation{phase: reading, route: logs.File, runs: logs.File}, logs.Unreadable, stop},
		{"excluded", situation{route: logs.File, room: true}, logs.Unreadable, leave},
		{"excluded and parked", situation{phase: parked, route: logs.File}, logs.Unreadable, leave},
		{"removed and read", situation{phase: reading, fate: gone(removed), route: logs.File, runs: logs.File}, logs.File, nothing},
		{"removed, of the API", situation{phase: reading, fate: gone(removed), route: logs.API, runs: logs.API}, logs.API, nothing},
		{"removed", situation{fate: gone(removed), route: logs.File, room: true}, logs.Unreadable, leave},
		{"removed and held", situation{fate: gone(removed), route: logs.File, linked: true}, logs.Unreadable, readHeld},
		{"removed, and in the journal", situation{fate: gone(removed), route: logs.Journal}, logs.Journal, start},
		{"removed, and in the journal, not from its file", situation{phase: reading, fate: gone(removed), route: logs.Journal, runs: logs.File}, logs.Journal, stop},
		{"removed and read to its end", situation{fate: gone(drained), route: logs.File, linked: true}, logs.Unreadable, leave},
		{"read to its end in the journal", situation{fate: gone(drained), route: logs.Journal}, logs.Unreadable, leave},
		{"removed and refused", situation{fate: fate{presence: removed, refused: true}, route: logs.Unreadable}, logs.Unreadable, leave},
		{"what is left over", situation{fate: gone(leftover), route: logs.File, room: true}, logs.File, start},
		{"what is left over, without a descriptor", situation{fate: gone(leftover), route: logs.File}, logs.File, park},
		{"what is left over is read, and it is back", situation{fate: fate{presence: drained, wanted: true}, route: logs.File, room: true}, logs.Unreadable, nothing},
	} {
		if wants := test.s.wants(); wants != test.wants {
			t.Errorf("%s: wants %v, not %v", test.name, wants, test.wants)
		}
		if got := test.s.next(now); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestDue: what waits for its time, and nothing else, makes the loop wake up.
func TestDue(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	wanted := fate{wanted: true}
	for _, test := range []struct {
		name            string
		relabel, turnAt time.Time
		units           []situation
		want            time.Time
		ok              bool
	}{
		{name: "nothing"},
		{name: "is read", units: []situation{{phase: reading, fate: wanted, route: logs.File, runs: logs.File, retryAt: at(1)}}},
		{name: "parked", units: []situation{{phase: parked, fate: wanted, route: logs.File, retryAt: at(1)}}},
		{name: "unreadable", units: []situation{{fate: wanted, retryAt: at(1)}}},
		{name: "turns", turnAt: at(4), units: []situation{{phase: parked, fate: wanted, route: logs.File}}, want: at(4), ok: true},
		{name: "labels", relabel: at(3), turnAt: at(4), want: at(3), ok: true},
		{name: "retry", relabel: at(3), units: []situation{{fate: wanted, route: logs.File, retryAt: at(2)}}, want: at(2), ok: true},
		{name: "at once", relabel: at(3), units: []situation{{fate: wanted, route: logs.File}}, ok: true},
		{name: "probe", units: []situation{
			{phase: reading, fate: wanted, route: logs.API, runs: logs.API, streamable: true, probes: true, probeAt: at(9)},
			{fate: wanted, route: logs.File, retryAt: at(8), probes: true, probeAt: at(7)},
			{fate: wanted, route: logs.File, retryAt: at(10)},
		}, want: at(7), ok: true},
	} {
		if got, ok := due(test.relabel, test.turnAt, slices.Values(test.units)); ok != test.ok || !got.Equal(test.want) {
			t.Errorf("%s: %v, %v", test.name, got, ok)
		}
	}
}

// TestConsequences: what follows from the end of a source.
func TestConsequences(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		kind   logs.RouteKind
		before phase
		gone   bool
		err    error
		want   consequence
	}{
		{logs.File, reading, true, nil, readOut},
		{logs.File, stopping, false, nil, readOut},
		{logs.File, yielding, false, nil, parkNow},
		{logs.File, yielding, true, nil, readOut},
		{logs.File, yielding, false, broken, unread},
		{logs.File, reading, false, broken, unread},
		{logs.Journal, stopping, false, nil, readOut},
		{logs.API, reading, false, io.EOF, runOver},
		{logs.API, yielding, false, io.EOF, runOver},
		{logs.API, stopping, true, io.EOF, runOver},
		{logs.API, reading, false, io.ErrUnexpectedEOF, broke},
		{logs.API, reading, false, logs.ErrUnreadable, refuse},
		{logs.API, stopping, false, logs.ErrUnreadable, asFor},
		{logs.API, stopping, false, nil, asFor},
		{logs.API, reading, true, nil, asFor},
		{logs.API, yielding, false, broken, parkNow},
		{logs.API, yielding, true, broken, asFor},
	} {
		if got := consequenceOf(test.kind, test.before, test.gone, test.err); got != test.want {
			t.Errorf("%v while %v, gone %v, %v: %d, want %d", test.kind, test.before, test.gone, test.err, got, test.want)
		}
	}
}

// TestProbe: a file that is missing for a moment is waited for, one that is missing for
// longer is not, and one that is there again begins anew.
func TestProbe(t *testing.T) {
	now, waits := time.Unix(1000, 0), 0
	var p probe
	for range 2 * maxMissed {
		var wait bool
		if p, wait = p.look(true, now); wait {
			waits++
		}
		if again, waitAgain := p.look(true, now); again != p || waitAgain != wait {
			t.Fatalf("a second look at the same time counts: %+v", again)
		}
		now = now.Add(missedPause)
	}
	if waits != maxMissed-1 || p.rotating() {
		t.Errorf("waited %d times, and is waiting: %v", waits, p.rotating())
	}
	if p, wait := p.look(false, now); wait || p.missed != 0 {
		t.Errorf("%+v", p)
	}
}

// TestRetry: pauses grow to a bound.
func TestRetry(t *testing.T) {
	now, r := time.Unix(1000, 0), retry{logged: "why"}
	for _, want := range []time.Duration{minBackoff, 2 * minBackoff, 4 * minBackoff} {
		if r = r.later(now); r.pause != want || !r.at.Equal(now.Add(want)) || r.logged == "" {
			t.Errorf("%+v, want a pause of %v", r, want)
		}
	}
	for range 10 {
		r = r.later(now)
	}
	if r.pause != maxBackoff {
		t.Errorf("a pause of %v", r.pause)
	}
}
