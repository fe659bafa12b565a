package collect

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/producer"
)

// everyPhase and everyPresence are in the order of their values.
var (
	everyPhase    = []phase{idle, parked, reading, stopping, yielding, left}
	everyPresence = []presence{present, removed, leftover, drained}
)

// TestPhases walks the tables: what is in them may follow, what is not is an error, and
// everything can be reached and, except for the end, left again.
func TestPhases(t *testing.T) {
	errs := func(enter func(u *unit)) bool {
		var text bytes.Buffer
		u := &unit{producer: producer.New("a", slog.New(slog.NewTextHandler(&text, nil)), nil, nil, nil, nil)}
		enter(u)
		return strings.Contains(text.String(), "level=ERROR")
	}
	for _, from := range everyPhase {
		for _, to := range everyPhase {
			invalid := errs(func(u *unit) { u.phase = from; u.enter(to) })
			if invalid == from.leadsTo(to) {
				t.Errorf("%v to %v: an error is logged: %v", from, to, invalid)
			}
		}
	}
	for _, from := range everyPresence {
		for _, to := range everyPresence {
			invalid := errs(func(u *unit) {
				u.fate.presence = from
				if u.become(to); u.fate.presence != to || to == present && u.fate.gone() || from == present && to != present && u.fate.removedAt.IsZero() {
					t.Errorf("%v to %v: %+v", from, to, u.fate)
				}
			})
			if invalid == from.leadsTo(to) {
				t.Errorf("%v to %v: an error is logged: %v", from, to, invalid)
			}
		}
	}
	if got := reach(idle, everyPhase, phase.leadsTo); len(got) != len(everyPhase) {
		t.Errorf("from idle only %v can be reached", got)
	}
	for _, p := range everyPhase {
		if p != left && !reach(p, everyPhase, phase.leadsTo)[left] {
			t.Errorf("%v cannot be left", p)
		}
	}
	if got := reach(present, everyPresence, presence.leadsTo); len(got) != len(everyPresence) {
		t.Errorf("a container that is present can only become %v", got)
	}
}

// reach are the states that can follow, and the one itself.
func reach[S comparable](from S, all []S, leads func(S, S) bool) map[S]bool {
	reached := make(map[S]bool)
	var visit func(S)
	visit = func(state S) {
		reached[state] = true
		for _, next := range all {
			if leads(state, next) && !reached[next] {
				visit(next)
			}
		}
	}
	visit(from)
	return reached
}
