package journal

import (
	"testing"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// TestRules is the table of what is left out by its time, entry after entry.
func TestRules(t *testing.T) {
	numbering, other := logs.ID128{1}, logs.ID128{2}
	for name, c := range map[string]struct {
		rules rules
		// entries are the number and the time of each, and want why it is left out.
		entries [][2]uint64
		seqnums logs.ID128
		want    []string
		over    bool
	}{
		"nothing to leave out":            {rules{since: 50}, [][2]uint64{{1, 10}}, numbering, []string{""}, false},
		"before since":                    {rules{since: 50, ends: map[logs.ID128]uint64{numbering: 3}}, [][2]uint64{{1, 10}, {2, 50}, {3, 49}}, numbering, []string{"before since", "", "before since"}, false},
		"delivered":                       {rules{delivered: 50, ends: map[logs.ID128]uint64{numbering: 3}}, [][2]uint64{{1, 10}, {2, 50}}, numbering, []string{"delivered", ""}, false},
		"came later, by a clock set back": {rules{since: 50, delivered: 50, ends: map[logs.ID128]uint64{numbering: 3}}, [][2]uint64{{3, 10}, {4, 10}, {5, 10}}, numbering, []string{"before since", "", ""}, true},
		"another numbering came later":    {rules{since: 50, ends: map[logs.ID128]uint64{numbering: 3}}, [][2]uint64{{1, 10}}, other, []string{""}, true},
		"the last there was ends since":   {rules{since: 50, seen: logs.Seen{Known: true, Time: 20_000}, ends: map[logs.ID128]uint64{numbering: 9}}, [][2]uint64{{1, 10}, {2, 20}, {3, 30}}, numbering, []string{"before since", "before since", ""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var ended bool
			for i, e := range c.entries {
				p := place{journalfile.Entry{Seqnum: e[0], Realtime: e[1]}, c.seqnums}
				why, out, over := c.rules.leaveOut(&p)
				if out != (c.want[i] != "") || (why == "") != (c.want[i] == "") {
					t.Errorf("entry %d: %q %v, want %q", i, why, out, c.want[i])
				}
				if over && ended {
					t.Error("they end twice")
				}
				ended = ended || over
			}
			if ended != c.over {
				t.Errorf("ended: %v", ended)
			}
			if ended && (c.rules.since != 0 || !c.rules.seen.Past) {
				t.Errorf("since holds on: %+v", c.rules)
			}
		})
	}
}
