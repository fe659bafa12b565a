package dispatch

import "testing"

// TestFeedStates: what may happen in each state, and what becomes of it; all else panics.
func TestFeedStates(t *testing.T) {
	type step struct {
		from  feedState
		event feedEvent
	}
	may := map[step]feedState{
		{resting, filled}:   inTurn,
		{inTurn, filled}:    inTurn,
		{flying, filled}:    flying,
		{aside, filled}:     aside,
		{trying, filled}:    trying,
		{inTurn, departed}:  flying,
		{aside, departed}:   trying,
		{flying, delivered}: resting,
		{trying, delivered}: resting,
		{flying, kept}:      aside,
		{trying, kept}:      aside,
	}
	for from := resting; from <= trying; from++ {
		for event := filled; event <= kept; event++ {
			want, ok := may[step{from, event}]
			got, panicked := func() (state feedState, panicked bool) {
				defer func() { panicked = recover() != nil }()
				f := &feed{state: from}
				f.on(event)
				return f.state, false
			}()
			if panicked == ok || ok && got != want {
				t.Errorf("state %d, event %d: got %d, panicked %v; want %d, %v", from, event, got, panicked, want, ok)
			}
		}
	}
}
