package ledger

import (
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/wait"
)

// Journal is what journald has of a container, as Loki must have it, once there are
// so many lines. The engine's own answer leaves out blank lines, and the end of lines
// whose last part is empty (seen on 20.10).
func Journal(t testing.TB, c *engine.Container, least int, dirs ...string) []Line {
	t.Helper()
	var out []Line
	wait.For(t, time.Minute, "journald to have written all lines of "+c.Name, func() bool {
		entries, err := journald.Entries(c.ID, dirs...)
		if err != nil {
			t.Fatal(err)
		}
		out = Expected(joined(entries))
		return len(out) >= least
	})
	return out
}

// joined makes lines of entries: each has the time of its first part.
func joined(entries []journald.Entry) (out []engine.Record) {
	open := map[string]int{}
	for _, e := range entries {
		i, known := open[e.Part]
		if e.Part == "" || !known {
			i = len(out)
			open[e.Part] = i
			out = append(out, engine.Record{Time: e.Time, Stream: e.Stream})
		}
		out[i].Line += e.Text
	}
	return out
}
