package target

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestD17PartIsRetried: what was known as a whole and is known in part is looked at again
// soon, without an event and long before the next list.
func TestD17PartIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "whole", false)
		d := start(t, e, Filter{})
		e.mu.Lock()
		e.containers["1"].Partial, e.containers["1"].Problem = true, "torn"
		e.mu.Unlock()
		e.changed("1")
		synctest.Wait()
		if got := d.Unknown(); got["1"] != "torn" {
			t.Fatalf("unknown: %v", got)
		}
		e.set("1", "healed", false)
		time.Sleep(inspectRetry)
		expect(t, d, "healed")
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// engine is an engine of the imagination whose events can be lost and cut.
type engine struct {
	mu         sync.Mutex
	containers map[string]*logs.Container
	broken     map[string]bool
	down       bool
	changed    func(id string)
	cut        chan error
	lists      int
}

func newEngine() *engine {
	return &engine{containers: make(map[string]*logs.Container), broken: make(map[string]bool)}
}

var errDown = errors.New("connection refused")

func (e *engine) List(context.Context) (ids []string, ended int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lists++
	if e.down {
		return nil, 0, errDown
	}
	return slices.Collect(maps.Keys(e.containers)), len(e.containers), nil
}

func (e *engine) Inspect(_ context.Context, id string) (*logs.Container, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.broken[id]:
		return nil, errors.New("500")
	case e.containers[id] == nil:
		return nil, fmt.Errorf("cannot inspect: %w", logs.ErrNotFound)
	}
	c := *e.containers[id]
	return &c, nil
}

func (e *engine) Events(ctx context.Context, subscribed func(), changed func(string)) error {
	e.mu.Lock()
	if e.down {
		e.mu.Unlock()
		return errDown
	}
	cut := make(chan error, 1)
	e.changed, e.cut = changed, cut
	e.mu.Unlock()
	subscribed()
	select {
	case err := <-cut:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// set changes a container and, if told, sends the event.
func (e *engine) set(id, name string, event bool) {
	e.mu.Lock()
	if name == "" {
		delete(e.containers, id)
	} else {
		e.containers[id] = &logs.Container{ID: id, Name: name}
	}
	changed := e.changed
	e.mu.Unlock()
	if event && changed != nil {
		changed(id)
	}
}

func start(t *testing.T, e *engine, filter Filter) *Discovery {
	t.Helper()
	d := New(Config{Source: e, Rules: &Rules{Filter: filter}, Log: slog.New(slog.DiscardHandler)})
	run(t, d)
	return d
}

// run runs a discovery until the test ends.
func run(t *testing.T, d *Discovery) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
}

// names are the wanted containers' names.
func names(d *Discovery) []string {
	synctest.Wait()
	set, _ := d.Wanted()
	var out []string
	for _, c := range set {
		out = append(out, c.Name)
	}
	slices.Sort(out)
	return out
}

func expect(t *testing.T, d *Discovery, want ...string) {
	t.Helper()
	if got := names(d); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestRest: the source rests after each list, and not after what events ask for.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "a", false)
		rests := make(chan int, 8)
		d := New(Config{Source: e, Log: slog.New(slog.DiscardHandler), Rest: func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			rests <- e.lists
		}})
		run(t, d)
		e.set("2", "b", true)
		expect(t, d, "a", "b")
		if len(rests) != 1 || <-rests != 1 {
			t.Errorf("the source did not rest once after the first list, but %d times", len(rests))
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if len(rests) != 1 {
			t.Errorf("the source did not rest after the second list")
		}
	})
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "a", false)
		d := start(t, e, Filter{})
		expect(t, d, "a")
		e.set("2", "b", true)
		expect(t, d, "a", "b")
		e.set("1", "renamed", true)
		expect(t, d, "b", "renamed")
		e.set("1", "", true)
		expect(t, d, "b")
		if d.Exists("1") || !d.Exists("2") {
			t.Error("existence does not follow")
		}
	})
}

// TestLostEvents: the list made as a net finds what events did not tell.
func TestLostEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "a", false)
		d := start(t, e, Filter{})
		e.set("1", "", false)
		e.set("2", "b", false)
		expect(t, d, "a")
		time.Sleep(4 * time.Minute)
		expect(t, d, "b")
	})
}

func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "a", false)
		d := start(t, e, Filter{})
		e.mu.Lock()
		e.down = true
		e.mu.Unlock()
		e.cut <- errors.New("unexpected EOF")
		synctest.Wait()
		e.set("1", "", false)
		e.set("2", "b", false)
		time.Sleep(time.Hour)
		expect(t, d, "a") // still read by file
		if ok, err := d.Status(); ok || !errors.Is(err, errDown) {
			t.Errorf("connected %v, %v", ok, err)
		}
		e.mu.Lock()
		e.down = false
		e.mu.Unlock()
		time.Sleep(30 * time.Second)
		expect(t, d, "b")
		if ok, err := d.Status(); !ok || err != nil {
			t.Errorf("connected %v, %v", ok, err)
		}
	})
}

// TestEngineNotUp: nothing may be concluded before the first list.
func TestEngineNotUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.down = true
		d := start(t, e, Filter{})
		if _, known := d.Wanted(); known {
			t.Error("the set is known without an engine")
		}
		time.Sleep(time.Minute)
		e.mu.Lock()
		e.down = false
		e.mu.Unlock()
		e.set("1", "a", false)
		time.Sleep(time.Minute)
		expect(t, d, "a")
		if e.lists > 10 {
			t.Errorf("%d lists", e.lists)
		}
	})
}

// TestBrokenContainer: one that cannot be inspected does not stop the others.
func TestBrokenContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "a", false)
		e.set("2", "b", false)
		e.broken["1"] = true
		d := start(t, e, Filter{})
		expect(t, d, "b")
		if got := d.Unknown(); len(got) != 1 || got["1"] != "500" || !d.Exists("1") || d.Excluded("1") {
			t.Errorf("unknown: %v", got)
		}
		e.mu.Lock()
		e.broken["1"] = false
		e.mu.Unlock()
		e.set("3", "c", true)
		expect(t, d, "a", "b", "c")
		if got := d.Unknown(); len(got) > 0 {
			t.Errorf("still unknown: %v", got)
		}
	})
}

// TestD17KnownInPart: what is known in part is collected, but does not take the place of
// what was known as a whole, nor come back while it is being removed.
func TestD17KnownInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		part := func(id, name string) {
			e.mu.Lock()
			e.containers[id] = &logs.Container{ID: id, Name: name, Partial: name == "short", Problem: map[bool]string{true: "torn"}[name == "short"]}
			changed := e.changed
			e.mu.Unlock()
			if changed != nil {
				changed(id)
			}
			synctest.Wait()
		}
		part("1", "short")
		part("2", "whole")
		d := start(t, e, Filter{})
		expect(t, d, "short", "whole")
		part("1", "healed")
		expect(t, d, "healed", "whole")
		part("2", "short")
		expect(t, d, "healed", "whole")
		if got := d.Unknown(); len(got) != 1 || got["2"] != "torn" {
			t.Errorf("unknown: %v", got)
		}
		part("2", "again")
		expect(t, d, "again", "healed")
		if got := d.Unknown(); len(got) != 0 {
			t.Errorf("unknown: %v", got)
		}
		e.mu.Lock()
		delete(e.containers, "2")
		e.mu.Unlock()
		e.changed("2")
		synctest.Wait()
		expect(t, d, "healed")
		part("2", "short") // what is left of it
		expect(t, d, "healed")
	})
}
