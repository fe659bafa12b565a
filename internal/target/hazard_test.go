package target

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestFailedInspectAtStart: at the first list one inspect fails; what is not known must not be taken for what does not exist.
func TestFailedInspectAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "a", false)
		e.set("2", "b", false)
		e.broken["2"] = true
		d := start(t, e, Filter{})
		synctest.Wait()
		_, known := d.Wanted()
		if known && !d.Exists("2") {
			t.Error("the set is said to be known, and container 2, which the engine listed, not to exist")
		}
		e.mu.Lock()
		e.broken["2"] = false
		e.mu.Unlock()
		time.Sleep(30 * time.Second)
		if got := names(d); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("30 s after the engine can inspect it again: %v", got)
		}
	})
}

type hanging struct{ *engine }

func (h hanging) Inspect(ctx context.Context, id string) (*logs.Container, error) {
	if id == "hung" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.engine.Inspect(ctx, id)
}

// TestHungInspect: one container on which the engine hangs stops no other, and is known
// by what can be learnt without the engine.
func TestHungInspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "a", false)
		e.set("hung", "h", false)
		d := New(Config{Source: hanging{e}, Log: slogDiscard(), Peek: func(id string) *logs.Container {
			return &logs.Container{ID: id, Name: "peeked-" + id}
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		time.Sleep(time.Hour)
		if got := names(d); !slices.Equal(got, []string{"a", "peeked-hung"}) {
			t.Errorf("after an hour: %v", got)
		}
		e.set("2", "b", true)
		time.Sleep(time.Hour)
		if got := names(d); !slices.Equal(got, []string{"a", "b", "peeked-hung"}) {
			t.Errorf("after two hours: %v", got)
		}
		if d.Unknown()["hung"] == "" {
			t.Error("nothing tells that it cannot be inspected")
		}
		cancel()
		<-done
	})
}

func slogDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestKnownTakesNoNote: who only asks whether the set is known does not keep a container that came
// and went meanwhile from being collected.
func TestKnownTakesNoNote(t *testing.T) {
	d := New(Config{Log: slogDiscard(), Peek: func(id string) *logs.Container {
		return &logs.Container{ID: id, Name: "brief", Driver: "json-file", Partial: true}
	}})
	d.reached()
	d.Wanted()
	d.changed("aa")
	if !d.Known() {
		t.Error("it is not known")
	}
	d.missing("aa", false)
	if set, _ := d.Wanted(); len(set) != 1 {
		t.Errorf("%d are collected", len(set))
	}
}
