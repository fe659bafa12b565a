package assemble

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

func brief(es []entry) (out []string) {
	for _, e := range es {
		l := e.line
		if len(l) > 60 {
			l = fmt.Sprintf("%s...(%d bytes)", l[:40], len(l))
		}
		out = append(out, fmt.Sprintf("{%d %d %q}", e.time, e.stream, l))
	}
	return out
}

// TestGroupBehindCutLine: lines are joined behind one that was cut as before it.
func TestGroupBehindCutLine(t *testing.T) {
	a := New(Config{Rules: &Rules{Group: traces()}, MaxLine: 20000}, none)
	rs := []logs.Record{rec(1, 0, full), rec(1, 0, full), rec(1, 0, "end\n"), rec(2, 0, "boom\n"), rec(3, 0, "\tat a\n"), rec(4, 0, "\tat b\n"), rec(5, 0, "boom\n"), rec(6, 0, "\tat a\n")}
	got := run(a, rs...)
	a.Flush(collect(&got))
	t.Log("live:      ", brief(got))
	b := New(Config{Rules: &Rules{Group: traces()}, MaxLine: 20000}, none)
	again := run(b, rs[3:]...)
	b.Flush(collect(&again))
	t.Log("after kill:", brief(again))
	if len(got) != 3 {
		t.Errorf("%d entries", len(got))
	}
}

func frame(n int) string { return fmt.Sprintf("\tat %d\n", n) }

// 3: resume by time in the middle of a group that was full: lines that were not delivered are lost.
// TestGroupFullResumed: reading is resumed by time within an entry that was full; what was not
// handed over is not taken for a part of it.
func TestGroupFullResumed(t *testing.T) {
	conf := Config{Rules: &Rules{Group: traces()}, DropRepeats: true} // Lines: 5
	recs := []logs.Record{rec(1000, 0, "boom\n"), rec(1001, 0, frame(2)), rec(1002, 0, frame(3)), rec(1002, 1, "other\n"), rec(1003, 0, frame(4)), rec(1003, 1, "other 2\n"), rec(1004, 0, frame(5)), rec(1005, 0, frame(6)), rec(1006, 0, frame(7))}
	a := New(conf, none)
	sent := run(a, recs...)
	// not flushed: at 6 and at 7 are open; killed here
	t.Log("sent before kill:", brief(sent))
	pos := logs.Position{Newest: a.Newest(), Last: a.Last()}
	// Resumed by time at 1003 (as with Last-3s in the middle of the group)
	b := New(conf, pos)
	b.SkipDelivered(both)
	var left []logs.Record
	for _, r := range recs {
		if r.Time >= 1003 {
			left = append(left, r)
		}
	}
	got := run(b, append(left, rec(1008, 0, "next\n"), rec(1009, 1, "x\n"))...)
	b.Flush(collect(&got))
	t.Log("after:", brief(got))
	all := ""
	for _, e := range append(sent, got...) {
		all += e.line + "\n"
	}
	for _, want := range []string{"\tat 6", "\tat 7"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is lost", want)
		}
	}
}

func banner() func(logs.Stream, int64) *Group {
	return bothStreams(&Group{Gap: 1000, Lines: 5, Begins: func(_ uint8, line []byte) (uint8, bool) { return 0, bytes.HasPrefix(line, []byte("2026-")) }})
}

// TestGroupRunOver: an entry ended with the run of the container. What the next run writes soon
// after does not go on with it when all comes again.
func TestGroupRunOver(t *testing.T) {
	conf := Config{Rules: &Rules{Group: banner()}, DropRepeats: true}
	for _, before := range [][]logs.Record{nil, {rec(990, 0, "2026- older\n")}} {
		old := slices.Concat(before, []logs.Record{rec(1000, 0, "2026- boom\n"), rec(1001, 0, frame(2))})
		a := New(conf, none)
		sent := run(a, old...)
		a.Flush(collect(&sent))
		b := New(conf, logs.Position{Newest: a.Newest(), Last: a.Last()})
		b.SkipDelivered(both)
		got := run(b, append(old, rec(1500, 0, "Welcome\n"), rec(1600, 0, "2026- up\n"))...)
		b.Flush(collect(&got))
		t.Log("first run sent:", brief(sent), "then:", brief(got))
		n := 0
		for _, e := range append(sent, got...) {
			n += strings.Count(e.line, "boom")
			if strings.Contains(e.line, "Welcome") {
				n += 100
			}
		}
		if n != 101 {
			t.Errorf("boom %d times, Welcome %d", n%100, n/100)
		}
	}
}

// TestGroupRest: the rest of a line that was cut within an entry is recognised after a restart.
func TestGroupRest(t *testing.T) {
	conf := Config{Rules: &Rules{Group: traces()}, MaxLine: 20000}
	part := "\tat " + full[:logs.PartSize-4]
	first := []logs.Record{rec(1, 0, "boom\n"), rec(2, 0, part), rec(2, 0, full)}
	a := New(conf, none)
	sent := run(a, first...)
	pos := logs.Position{Newest: a.Newest(), Last: a.Last(), Rest: a.Rest()}
	live := run(a, rec(2, 0, "end\n"), rec(3, 0, "next\n"))
	a.Flush(collect(&live))
	b := New(conf, pos)
	got := run(b, rec(2, 0, "end\n"), rec(3, 0, "next\n"))
	b.Flush(collect(&got))
	t.Log("sent", brief(sent), "live:", brief(live), "after a restart:", brief(got), pos.Rest)
	if len(live) != len(got) {
		t.Error("differ")
	}
}

// TestGroupRewind: a file comes again behind an entry that was passed on.
func TestGroupRewind(t *testing.T) {
	a := New(Config{Rules: &Rules{Group: traces()}}, none)
	var got []entry
	rs := []logs.Record{rec(1, 0, "boom\n"), rec(2, 0, "\tat "+full[:logs.PartSize-4]), rec(2, 0, full), rec(2, 0, full), rec(2, 0, full), rec(2, 0, full), rec(2, 0, "x\n")}
	for i := range rs {
		a.Add(&rs[i], collect(&got))
	}
	a.Seam()
	a.FlushGroups(1<<40, collect(&got))
	defer func() {
		if p := recover(); p != nil {
			t.Error("panic:", p)
		}
	}()
	a.Rewind()
}

// TestGroupFragments: what is left of an entry may look like several.
func TestGroupFragments(t *testing.T) {
	begins := func(state uint8, line []byte) (uint8, bool) {
		switch {
		case state == 1 && string(line) == "}":
			return 0, false
		case state == 1:
			return 1, false
		case string(line) == "{":
			return 1, true
		}
		return 0, true
	}
	conf := Config{Rules: &Rules{Group: bothStreams(&Group{Gap: 1000, Begins: begins})}, DropRepeats: true}
	recs := []logs.Record{rec(1000, 0, "{\n"), rec(1001, 0, "a\n"), rec(1002, 0, "b\n"), rec(1003, 1, "other\n"), rec(1003, 0, "c\n"), rec(1004, 0, "d\n"), rec(1005, 0, "}\n")}
	a := New(conf, none)
	sent := run(a, recs...)
	a.Flush(collect(&sent))
	b := New(conf, logs.Position{Newest: a.Newest(), Last: a.Last()})
	b.SkipDelivered(both)
	got := run(b, append(recs[3:], rec(1006, 0, "new\n"))...)
	b.Flush(collect(&got))
	t.Log("sent", brief(sent), "again", brief(got))
	if len(got) != 1 {
		t.Error("shown twice")
	}
}

// TestGroupConfiguredBetween: lines that were entries by themselves are joined since.
func TestGroupConfiguredBetween(t *testing.T) {
	recs := []logs.Record{rec(1000, 0, "boom\n"), rec(1001, 0, frame(1)), rec(1002, 0, frame(2)), rec(1003, 0, frame(3))}
	a := New(Config{DropRepeats: true}, none)
	sent := run(a, recs[:2]...) // killed, frame(2) and frame(3) are new
	b := New(Config{Rules: &Rules{Group: traces()}, DropRepeats: true}, logs.Position{Newest: a.Newest(), Last: a.Last()})
	b.SkipDelivered(both)
	got := run(b, append(recs, rec(5000, 0, "next\n"))...)
	b.Flush(collect(&got))
	t.Log("sent", brief(sent), "then", brief(got))
	if len(got) < 2 {
		t.Error("lost")
	}
}
