package dispatch

import "testing"

// TestQueueStates: what may happen in each state, and what becomes of it; all else panics.
func TestQueueStates(t *testing.T) {
	type step struct {
		from  queueState
		event queueEvent
	}
	may := map[step]queueState{
		{idle, filled}:        ready,
		{ready, filled}:       ready,
		{inFlight, filled}:    inFlight,
		{aside, filled}:       aside,
		{retrying, filled}:    retrying,
		{ready, sent}:         inFlight,
		{aside, sent}:         retrying,
		{inFlight, delivered}: idle,
		{retrying, delivered}: idle,
		{inFlight, kept}:      aside,
		{retrying, kept}:      aside,
	}
	for from := idle; from <= retrying; from++ {
		for event := filled; event <= kept; event++ {
			want, ok := may[step{from, event}]
			got, panicked := func() (state queueState, panicked bool) {
				defer func() { panicked = recover() != nil }()
				q := &queue{state: from}
				q.on(event)
				return q.state, false
			}()
			if panicked == ok || ok && got != want {
				t.Errorf("state %d, event %d: got %d, panicked %v; want %d, %v", from, event, got, panicked, want, ok)
			}
		}
	}
}
