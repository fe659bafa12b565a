package target

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestGoneBeforeInspected: a container that does not exist any more when it is
// inspected is in the set once, so that its log can be opened.
func TestGoneBeforeInspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		d := New(Config{Source: e, Log: slog.New(slog.DiscardHandler), Peek: func(id string) *logs.Container {
			if id == "unknown" {
				return nil
			}
			return &logs.Container{ID: id, Name: "peeked-" + id}
		}})
		run(t, d)
		e.changed("1")
		e.changed("unknown")
		synctest.Wait()
		if !d.Exists("1") || d.Exists("unknown") {
			t.Errorf("1 exists: %v, unknown exists: %v", d.Exists("1"), d.Exists("unknown"))
		}
		if got := names(d); !slices.Equal(got, []string{"peeked-1"}) {
			t.Errorf("first %v", got)
		}
		if got := names(d); len(got) > 0 || d.Exists("1") {
			t.Errorf("then %v", got)
		}
		// What the engine says counts as soon as it has said it.
		e.set("2", "inspected", true)
		if got := names(d); !slices.Equal(got, []string{"inspected"}) {
			t.Errorf("got %v", got)
		}
		e.set("2", "", true)
		if got := names(d); len(got) > 0 {
			t.Errorf("still %v", got)
		}
	})
}

// listing is an engine of which a container is made while a list is answered.
type listing struct {
	*engine
	meanwhile func()
}

func (l *listing) List(ctx context.Context) (ids []string, ended int, err error) {
	ids, ended, err = l.engine.List(ctx)
	if meanwhile := l.meanwhile; meanwhile != nil {
		l.meanwhile = nil
		meanwhile()
	}
	return ids, ended, err
}

// TestPeekedDuringAList: a list that was made before a container says nothing of
// it. It stays in the set, whatever is asked for meanwhile.
func TestPeekedDuringAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &listing{engine: newEngine()}
		d := New(Config{Source: e, Log: slog.New(slog.DiscardHandler), Peek: func(id string) *logs.Container {
			return &logs.Container{ID: id, Name: "peeked-" + id}
		}})
		e.meanwhile = func() {
			e.mu.Lock()
			e.containers["1"] = &logs.Container{ID: "1", Name: "inspected"}
			changed := e.changed
			e.mu.Unlock()
			changed("1")
		}
		run(t, d)
		synctest.Wait()
		for range 3 {
			if got := names(d); len(got) != 1 {
				t.Fatalf("the set is %v", got)
			}
		}
	})
}

// TestPeekedIsBack: an engine that does not know a container any more and then
// does again has it.
func TestPeekedIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		d := New(Config{Source: e, Log: slog.New(slog.DiscardHandler), Peek: func(id string) *logs.Container {
			return &logs.Container{ID: id, Name: "peeked-" + id}
		}})
		run(t, d)
		e.changed("1")
		synctest.Wait()
		e.set("1", "inspected", true)
		for range 3 {
			if got := names(d); !slices.Equal(got, []string{"inspected"}) {
				t.Fatalf("the set is %v", got)
			}
		}
	})
}
