package dispatch

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// listen returns what is said, and a function that returns the messages so far with one
// attribute of each.
func listen(attr string) (*said, func() []string) {
	var got []string
	log := slog.New(handler(func(r slog.Record) {
		text := r.Message
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == attr {
				text += " " + a.Value.String()
			}
			return true
		})
		got = append(got, text)
	}))
	return newSaid(log), func() []string { out := got; got = nil; return out }
}

// TestThrottledIsSaid: once per container within limitEvery; beyond some, their number.
func TestThrottledIsSaid(t *testing.T) {
	const one, more = "container is throttled by a limit of Loki, its lines wait while others are sent", "more containers are throttled by a limit of their own"
	s, got := listen("attempts")
	now, err := time.Unix(1_700_000_000, 0), errors.New("429")
	for range 3 {
		for i := range maxLimitTold {
			s.throttled(fmt.Sprint(i), "name", err, now)
		}
	}
	if all := got(); !slices.Equal(all, slices.Repeat([]string{one}, maxLimitTold)) {
		t.Errorf("got %q", all)
	}
	for i := range 10 {
		s.throttled(fmt.Sprint("more", i), "name", err, now)
	}
	if all := got(); !slices.Equal(all, []string{more + " 1"}) {
		t.Errorf("got %q", all)
	}
	if left := s.tell(now.Add(limitEvery / 2)); left != limitEvery/2 || len(got()) > 0 {
		t.Errorf("more to be said after %v", left)
	}
	if left := s.tell(now.Add(limitEvery)); left != 0 {
		t.Errorf("more to be said after %v", left)
	}
	if all := got(); !slices.Equal(all, []string{more + " 9"}) {
		t.Errorf("got %q", all)
	}
	now = now.Add(2 * limitEvery)
	s.throttled("1", "name", err, now)
	s.throttled("another", "name", err, now)
	if all := got(); !slices.Equal(all, []string{one, one}) {
		t.Errorf("got %q", all)
	}
}

// TestTroubleIsSaid: each error once within warnEvery, few in all, and its end if it was said.
func TestTroubleIsSaid(t *testing.T) {
	s, got := listen("error")
	now := time.Unix(1_700_000_000, 0)
	fail := func(text string, wrong bool) {
		s.failed(logs.Outcome{Err: errors.New(text), Misconfigured: wrong}, now)
	}
	fail("one", false)
	fail("one", false)
	fail("two", true)
	if all, want := got(), []string{"cannot deliver, will retry one", "nothing can be delivered until this configuration is fixed two"}; !slices.Equal(all, want) {
		t.Errorf("got %q", all)
	}
	for i := range 20 {
		fail(fmt.Sprint("port ", i), false)
	}
	if n := len(got()); n != maxTroubles-2 {
		t.Errorf("%d more errors", n)
	}
	s.works()
	s.works()
	if all := got(); !slices.Equal(all, []string{"delivery works again"}) {
		t.Errorf("got %q", all)
	}
	fail("one", false) // shortly before
	s.works()
	if all := got(); len(all) > 0 {
		t.Errorf("got %q", all)
	}
	now = now.Add(warnEvery)
	fail("one", false)
	s.tellAll(now)
	if all := got(); !slices.Equal(all, []string{"cannot deliver, will retry one"}) {
		t.Errorf("got %q", all)
	}
}
