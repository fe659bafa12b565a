package discover

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// at the first list one inspect fails: the collector then forgets its position.
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
		t.Logf("30 s after the engine can inspect it again: %v", names(d))
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

func TestHungInspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		e.set("1", "a", false)
		e.set("hung", "h", false)
		d := New(Config{Source: hanging{e}, Log: slogDiscard()})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		time.Sleep(time.Hour)
		e.set("2", "b", true)
		time.Sleep(time.Hour)
		_, known := d.Wanted()
		t.Logf("after two hours: known=%v %v", known, names(d))
		if !known {
			t.Error("one container that cannot be inspected stops the whole")
		}
		cancel()
		<-done
	})
}

func slogDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }
