package collect

import (
	"testing"
	"testing/synctest"
)

// TestAlive: what does not go round is not alive; one that was asked to end, or answers, is.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Collector{asked: make(chan struct{}), over: make(chan struct{})}
		if c.Alive(AliveTimeout) == nil {
			t.Error("a loop that nobody runs is alive")
		}
		go func() { <-c.asked }()
		if err := c.Alive(AliveTimeout); err != nil {
			t.Error(err)
		}
		close(c.over)
		if err := c.Alive(AliveTimeout); err != nil {
			t.Error(err)
		}
	})
}

func TestAliveWhileRunning(t *testing.T) {
	h := newHost(t)
	h.start()
	if err := h.collector.Alive(AliveTimeout); err != nil {
		t.Error(err)
	}
	h.stop()
	if err := h.collector.Alive(AliveTimeout); err != nil {
		t.Errorf("asked to end: %v", err)
	}
}
