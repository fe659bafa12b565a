package assemble

import (
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestPending: a line that was held back when the log was left is pending until it has come again,
// which it has when anything new comes, and one that is held now until its end comes.
func TestPending(t *testing.T) {
	from := logs.Position{Last: 9000, Newest: [logs.Streams]logs.HighWaterMark{{Time: 9000}, {Time: 4000}}, Pending: 5000}
	a := New(Config{}, from)
	a.SkipDelivered(both)
	for _, step := range []struct {
		what    string
		records []logs.Record
		want    int64
	}{
		{"opened", nil, 5000},
		{"read from before it", []logs.Record{rec(4000, 1, "old\n")}, 5000},
		{"it has come", []logs.Record{rec(5000, 1, full)}, 5000},
		{"what was delivered since", []logs.Record{rec(9000, 0, "last\n")}, 5000},
		{"another is held, too", []logs.Record{rec(9001, 0, full)}, 5000},
		{"it has ended", []logs.Record{rec(5000, 1, "end\n")}, 9001},
		{"both have", []logs.Record{rec(9001, 0, "end\n")}, 0},
	} {
		run(a, step.records...)
		if got := a.Pending(); got != step.want {
			t.Errorf("%s: pending since %d, want %d", step.what, got, step.want)
		}
	}
	// It is not in the log any more.
	a = New(Config{}, from)
	if run(a, rec(9001, 0, "new\n")); a.Pending() != 0 {
		t.Errorf("gone, and pending since %d", a.Pending())
	}
}
