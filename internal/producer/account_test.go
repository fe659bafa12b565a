package producer

import (
	"fmt"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestAccount: every line that was read is accounted for at any moment, and what was sent
// never becomes less.
func TestAccount(t *testing.T) {
	s := &sink{}
	o := newProducer(s)
	o.Relabel(named("a"))
	o.stages.dropped = make(map[string]int)
	c := new(Chunk)
	hold := func(rejected int64, want string) {
		t.Helper()
		a := o.Account(rejected)
		if sum := a.Sent + a.Joined + a.DroppedLines() + a.Rejected + a.Pending; sum != a.Read {
			t.Errorf("%+v: the sum is %d", a, sum)
		}
		if got := fmt.Sprintf("read %d sent %d joined %d dropped %v rejected %d pending %d", a.Read, a.Sent, a.Joined, a.Dropped, a.Rejected, a.Pending); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	chunk := func(lines, joined, dropped int) {
		t.Helper()
		if _, err := c.TryBegin(o, nil); err != nil {
			t.Fatal(err)
		}
		for i := range lines {
			add(c, int64(i), "x")
		}
		o.stages.joined += joined
		o.stages.dropped["noise"] += dropped
		c.End(logs.File, 1, logs.Position{}, nil)
	}
	hold(0, "read 0 sent 0 joined 0 dropped map[] rejected 0 pending 0")
	chunk(3, 2, 4)
	hold(0, "read 9 sent 0 joined 2 dropped map[noise:4] rejected 0 pending 3")
	s.acks[0]()
	hold(0, "read 9 sent 3 joined 2 dropped map[noise:4] rejected 0 pending 0")
	chunk(2, 0, 0)
	// What is refused is known before the answer of all is.
	hold(1, "read 11 sent 3 joined 2 dropped map[noise:4] rejected 1 pending 1")
	s.acks[1]()
	hold(1, "read 11 sent 4 joined 2 dropped map[noise:4] rejected 1 pending 0")
	chunk(0, 0, 5)
	hold(1, "read 16 sent 4 joined 2 dropped map[noise:9] rejected 1 pending 0")
	if s.joined != 2 || len(s.dropped) != 2 {
		t.Errorf("the metrics have %d joined, dropped %q", s.joined, s.dropped)
	}
}
