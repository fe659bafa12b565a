package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestRefusals: what was refused of a container is known by reason, the last first, in bounds.
func TestRefusals(t *testing.T) {
	d := New(Config{Lanes: 1})
	for i, reason := range []string{"a", "b", "a", "c", "d", "e"} {
		d.shared.refused.add(logs.Reject{ID: "web", Reason: reason, Count: 2, Example: int64(i), Message: fmt.Sprint(i)}, time.Unix(int64(i), 0))
	}
	got := ""
	for _, r := range d.Refusals("web") {
		got += fmt.Sprintf("%s %d %s; ", r.Reason, r.Lines, r.Message)
	}
	if got != "e 2 5; d 2 4; c 2 3; a 4 2; " {
		t.Errorf("got %s", got)
	}
	if all := d.Refused("web"); all.Lines != 12 || all.Reason != "e" || d.RefusedLines() != 12 || d.Refusals("other") != nil {
		t.Errorf("%+v", all)
	}
	d.Lane(0).Forget("web")
	if d.Refusals("web") != nil {
		t.Error("it is not forgotten")
	}
}
