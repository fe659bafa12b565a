package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestP7BehindIsTold: what comes from a log that is being caught up with is told apart from
// what comes after it, also where both wait in one queue, and the order stays.
func TestP7BehindIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		d, m, stop := start(t, s, nil)
		defer stop()
		l, order := d.Lane(0), []int(nil)
		for i, behind := range []bool{true, true, false, true, false, false} {
			var draft logs.Draft
			if err := l.Begin(t.Context(), "web", &draft); err != nil {
				t.Fatal(err)
			}
			if behind {
				draft.Behind = true
			}
			for range i + 1 {
				draft.Add(web, logs.Entry{Time: time.Now().UnixNano(), Line: []byte("a line")})
			}
			l.End("web", &draft, func() { order = append(order, i) })
		}
		l.Flush()
		time.Sleep(time.Minute)
		synctest.Wait()
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.entries != 21 || m.behind != 1+2+4 {
			t.Errorf("%d entries, %d of them behind", m.entries, m.behind)
		}
		for i, n := range order {
			if i != n {
				t.Fatalf("acks come in the order %v", order)
			}
		}
		if len(order) != 6 {
			t.Errorf("%d acks", len(order))
		}
	})
}
