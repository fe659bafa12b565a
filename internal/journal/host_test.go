package journal

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/wait"
)

// told are entries of the whole journal, as labels and text.
type told struct {
	*Log
	scratch *Scratch
	events  *counts
	lines   []string
}

// hosted reads what a selection has, with labels of all its fields.
func hosted(j *Journal, from logs.Position, s Selection) *told {
	s.Version = func() any { return 0 }
	s.Label = func(values []string) *logs.Extra {
		pairs := make(map[string]string)
		for i, name := range s.Fields {
			pairs[name] = values[i]
		}
		if pairs["DROP"] != "" {
			return nil
		}
		return &logs.Extra{Labels: logs.NewLabels(pairs, nil)}
	}
	h := &told{scratch: NewScratch(), events: &counts{}}
	h.Log = j.Open(Options{ID: logs.HostJournalID + "test", Host: &s, Resume: from, Events: h.events})
	return h
}

func (h *told) await(t *testing.T, n int) {
	t.Helper()
	wait.For(t, time.Minute, fmt.Sprint(n, " entries"), func() bool {
		for more := true; more; {
			_, more = h.Read(h.scratch, 32<<10, func(e logs.Entry) {
				var labels []string
				for _, p := range e.Extra.Labels.Pairs {
					labels = append(labels, p.Name+"="+p.Value)
				}
				h.lines = append(h.lines, strings.Join(labels, " ")+": "+string(e.Line))
			})
		}
		return len(h.lines) >= n
	})
}

// TestHostJournal: the whole journal is read with its fields, in order, once over rotation, a
// move from /run to /var and a restart; but not what containers log, and not what does not
// match.
func TestHostJournal(t *testing.T) {
	d := journald.Start(t)
	j := open(d)
	defer j.Close()
	o := d.Other(t)
	long := strings.Repeat("x", 100_000)
	sent := 0
	var want []string
	say := func(priority, text string, more ...journald.Field) {
		o.Send(append([]journald.Field{{Name: "MESSAGE", Value: text}, {Name: "PRIORITY", Value: priority}, {Name: "SYSLOG_IDENTIFIER", Value: "t"}}, more...)...)
		sent++
		want = append(want, "PRIORITY="+priority+": "+text)
	}
	fields := Selection{Fields: []string{"PRIORITY", "DROP"}, Match: []Match{{"SYSLOG_IDENTIFIER", []string{"t", "u"}}}}
	say("6", "one")
	say("3", "two\nlines")
	say("4", long) // compressed
	say("6", "")
	o.Send(journald.Field{Name: "MESSAGE", Value: "of another"}, journald.Field{Name: "SYSLOG_IDENTIFIER", Value: "other"})
	o.Send(journald.Field{Name: "MESSAGE", Value: "without one"})
	o.Send(journald.Field{Name: "SYSLOG_IDENTIFIER", Value: "t"}) // no message
	o.Send(journald.Field{Name: "MESSAGE", Value: "dropped"}, journald.Field{Name: "SYSLOG_IDENTIFIER", Value: "t"}, journald.Field{Name: "DROP", Value: "1"})
	d.Container(t, id(1)).Line("stdout", "of a container", journald.Field{Name: "SYSLOG_IDENTIFIER", Value: "t"})
	h := hosted(j, logs.Position{}, fields)
	h.await(t, sent)
	say("6", "three\x00\xff binary")
	want[len(want)-1] = "PRIORITY=6: three\x00\uFFFD binary"
	d.Rotate(t)
	say("5", "after rotation")
	h.await(t, sent)
	at := h.Position()
	h.Close()
	say("6", "while nobody looked")
	d.Flush(t)
	d.Rotate(t)
	say("6", "in /var")
	j.Look() // nothing watches here, and what comes and goes within a second is not seen
	again := hosted(j, at, fields)
	say("6", "vacuumed before it was read")
	d.Rotate(t)
	j.Look()
	for _, path := range d.Files(t) {
		if strings.Contains(path, "@") {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	say("6", "the last")
	again.await(t, 4)
	if got := slices.Concat(h.lines, again.lines); !slices.Equal(got, want) {
		t.Errorf("got %.300q\nwant %.300q", got, want)
	}
	if h.events.corrupt+again.events.corrupt != 0 {
		t.Errorf("%d corrupt entries", h.events.corrupt+again.events.corrupt)
	}
	again.Close()
	all := hosted(j, logs.Position{}, Selection{Containers: true, Fields: []string{"CONTAINER_ID_FULL"}, CurrentBoot: true})
	defer all.Close()
	d.Container(t, id(1)).Line("stdout", "of a container")
	wait.For(t, time.Minute, "the message of the container", func() bool {
		all.await(t, 1)
		return slices.Contains(all.lines, "CONTAINER_ID_FULL="+id(1)+": of a container")
	})
}

// TestHostJournalForged: an entry that another program than the engine says is a container's is
// read with the host's, and what the engine has sent is not.
func TestHostJournalForged(t *testing.T) {
	d := journald.Start(t)
	c := d.Container(t, id(1))
	c.Line("stdout", "of the engine")
	d.Forge(t, nobody, 1, forgery(id(1), "hidden")...)
	d.Other(t).Send(journald.Field{Name: "MESSAGE", Value: "the last"})
	j := New(Config{Dirs: d.Dirs(), Senders: []Sender{{UID: 0, Program: program(t)}}, Log: slog.New(slog.DiscardHandler)})
	defer j.Close()
	h := hosted(j, logs.Position{}, Selection{Match: []Match{{"_TRANSPORT", []string{"journal"}}}})
	defer h.Close()
	wait.For(t, time.Minute, "the last entry", func() bool {
		h.await(t, 0)
		return slices.Contains(h.lines, ": the last")
	})
	if slices.Contains(h.lines, ": of the engine") || !slices.ContainsFunc(h.lines, func(s string) bool { return strings.Contains(s, "hidden") }) {
		t.Errorf("%q", h.lines)
	}
}
