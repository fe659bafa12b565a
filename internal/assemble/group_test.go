package assemble

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

func traces() func(logs.Stream, int64) *Group {
	return bothStreams(&Group{Gap: 1000, Lines: 5, Begins: func(_ uint8, line []byte) (uint8, bool) { return 0, !bytes.HasPrefix(line, []byte("\tat ")) }})
}

func bothStreams(g *Group) func(logs.Stream, int64) *Group {
	if g == nil {
		return nil
	}
	return func(logs.Stream, int64) *Group { return g }
}

func TestGroup(t *testing.T) {
	for _, c := range []struct {
		name    string
		records []logs.Record
		want    []entry
	}{
		{"joined", []logs.Record{rec(1, 0, "boom\n"), rec(2, 0, "\tat a\n"), rec(3, 0, "\tat b\n"), rec(4, 0, "next\n")},
			[]entry{{1, 0, "boom\n\tat a\n\tat b"}, {4, 0, "next"}}},
		{"streams apart", []logs.Record{rec(1, 0, "boom\n"), rec(2, 1, "other\n"), rec(3, 0, "\tat b\n"), rec(4, 1, "\tat c\n")},
			[]entry{{1, 0, "boom\n\tat b"}, {2, 1, "other\n\tat c"}}},
		{"too late", []logs.Record{rec(1, 0, "boom\n"), rec(1002, 0, "\tat a\n")},
			[]entry{{1, 0, "boom"}, {1002, 0, "\tat a"}}},
		{"just in time", []logs.Record{rec(1, 0, "boom\n"), rec(1001, 0, "\tat a\n"), rec(2001, 0, "\tat b\n")},
			[]entry{{1, 0, "boom\n\tat a\n\tat b"}}},
		{"clock set back", []logs.Record{rec(10, 0, "boom\n"), rec(9, 0, "\tat a\n")},
			[]entry{{10, 0, "boom"}, {9, 0, "\tat a"}}},
		{"too many lines", []logs.Record{rec(1, 0, "boom\n"), rec(2, 0, "\tat 2\n"), rec(3, 0, "\tat 3\n"), rec(4, 0, "\tat 4\n"), rec(5, 0, "\tat 5\n"), rec(6, 0, "\tat 6\n"), rec(7, 0, "\tat 7\n")},
			[]entry{{1, 0, "boom\n\tat 2\n\tat 3\n\tat 4\n\tat 5"}, {6, 0, "\tat 6\n\tat 7"}}},
		{"blank lines", []logs.Record{rec(1, 0, "\n"), rec(2, 0, "\tat 2\n"), rec(3, 0, "\n")},
			[]entry{{1, 0, "\n\tat 2"}, {3, 0, ""}}},
		{"parts", []logs.Record{rec(1, 0, full), rec(1, 0, "end\n"), rec(2, 0, "\tat "+full[:logs.PartSize-4]), rec(2, 0, "end\n"), rec(3, 0, full), rec(3, 0, "\n")},
			[]entry{{1, 0, full + "end\n\tat " + full[:logs.PartSize-4] + "end"}, {3, 0, full}}},
		{"no line feed at the end of a run", []logs.Record{rec(1, 0, "boom\n"), rec(2, 0, "\tat a"), rec(3, 0, "\tat b\n")},
			[]entry{{1, 0, "boom\n\tat a"}, {3, 0, "\tat b"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			joined := 0
			a := New(Config{Rules: &Rules{Group: traces(), Joined: func(lines int) { joined += lines }}}, none)
			got := run(a, c.records...)
			a.Flush(collect(&got))
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v\nwant %v", got, c.want)
			}
			for _, e := range got {
				joined -= strings.Count(e.line, "\n")
			}
			if joined != 0 {
				t.Errorf("%d more lines are said to be joined than were", joined)
			}
		})
	}
}

// TestGroupWithinLimit: an entry of several lines is not cut, it ends earlier.
func TestGroupWithinLimit(t *testing.T) {
	a := New(Config{Rules: &Rules{Group: traces()}, MaxLine: 20}, none)
	got := run(a, rec(1, 0, "0123456789\n"), rec(2, 0, "\tat a\n"), rec(3, 0, "\tat b\n"), rec(4, 0, "\tat c\n"))
	a.Flush(collect(&got))
	want := []entry{{1, 0, "0123456789\n\tat a"}, {3, 0, "\tat b\n\tat c"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func grouping(a *Assembler) bool {
	some, _ := a.Grouping()
	return some
}

// TestGroupHeld: an open entry is held back, and passed on when it has waited.
func TestGroupHeld(t *testing.T) {
	a := New(Config{Rules: &Rules{Group: traces()}}, none)
	got := run(a, rec(1, 0, "boom\n"), rec(2, 0, "\tat a\n"))
	if _, at, held := a.Held(0); len(got) > 0 || !held || at != 1 || !grouping(a) {
		t.Fatalf("passed on %v, held %v since %d", got, held, at)
	}
	if a.FlushGroups(1002, collect(&got)); len(got) > 0 {
		t.Errorf("passed on %v, while more lines may come", got)
	}
	a.FlushGroups(1003, collect(&got))
	if _, _, held := a.Held(0); len(got) != 1 || got[0].line != "boom\n\tat a" || held || grouping(a) {
		t.Errorf("passed on %v, held %v", got, held)
	}
	// A line whose end has not come is none.
	got = run(a, rec(3, 0, "boom\n"), rec(4, 0, "\tat "+full[:logs.PartSize-4]))
	if a.FlushGroups(1<<40, collect(&got)); len(got) > 0 || grouping(a) {
		t.Errorf("passed on %d", len(got))
	}
}

// TestBeginningGone: of the entry that was handed over last only the end is there when
// reading is resumed by time. It is not passed on as a line of its own.
func TestBeginningGone(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  Config
		records []logs.Record
		left    []logs.Record
		next    logs.Record
	}{
		{"group", Config{Rules: &Rules{Group: traces()}},
			[]logs.Record{rec(1, 0, "boom\n"), rec(2, 0, "\tat a\n"), rec(3, 0, "\tat b\n"), rec(10, 1, "x\n")},
			[]logs.Record{rec(3, 0, "\tat b\n")}, rec(4, 0, "next\n")},
		{"parts with times of their own", Config{TimesDiffer: true},
			[]logs.Record{rec(1, 0, full), rec(2, 0, full), rec(3, 0, "end\n")},
			[]logs.Record{rec(2, 0, full), rec(3, 0, "end\n")}, rec(4, 0, "next\n")},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := New(c.config, none)
			sent := run(first, c.records...)
			first.Flush(collect(&sent))
			position := logs.Position{Newest: first.Newest(), Last: first.Last()}
			again := New(c.config, position)
			again.SkipDelivered(both)
			got := run(again, append(slices.Clone(c.left), c.next)...)
			again.Flush(collect(&got))
			if len(got) != 1 || got[0].time != c.next.Time {
				t.Errorf("passed on %v", got)
			}
		})
	}
}

// TestGroupState: what a line is may depend on those before it in the same entry.
func TestGroupState(t *testing.T) {
	// A line of dashes begins an entry that goes on to the next one of dashes.
	begins := func(state uint8, line []byte) (uint8, bool) {
		switch dashes := bytes.HasPrefix(line, []byte("--")); {
		case state == 1 && dashes:
			return 2, false
		case state == 1:
			return 1, false
		case dashes:
			return 1, true
		}
		return 0, true
	}
	a := New(Config{Rules: &Rules{Group: bothStreams(&Group{Gap: 1000, Begins: begins})}}, none)
	got := run(a, rec(1, 0, "a\n"), rec(2, 0, "--\n"), rec(3, 0, "b\n"), rec(4, 0, "--\n"), rec(5, 0, "c\n"), rec(6, 0, "--\n"))
	a.Flush(collect(&got))
	want := []entry{{1, 0, "a"}, {2, 0, "--\nb\n--"}, {5, 0, "c"}, {6, 0, "--"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// TestGroupRepeats: the engine's API repeats stretches around a rotation, also within an
// entry.
func TestGroupRepeats(t *testing.T) {
	var records []logs.Record
	var want []entry
	for i := range 100 {
		at := int64(1000 + 10*i)
		records = append(records, rec(at, 0, fmt.Sprintf("boom %d\n", i)), rec(at+1, 0, "\tat a\n"), rec(at+2, 0, "\tat b\n"))
		want = append(want, entry{at, 0, fmt.Sprintf("boom %d\n\tat a\n\tat b", i)})
		if i%10 == 0 { // a line in equal parts
			records = append(records, rec(at+3, 0, full), rec(at+3, 0, full), rec(at+3, 0, full), rec(at+3, 0, "end\n"))
			want = append(want, entry{at + 3, 0, full + full + full + "end"})
		}
	}
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 9))
		a := New(Config{Rules: &Rules{Group: traces()}, DropRepeats: true}, none)
		var got []entry
		for i := range records {
			a.Add(&records[i], collect(&got))
			ends := func(i int) bool { return i < 0 || bytes.HasSuffix(records[i].Text, []byte("\n")) }
			if rng.IntN(15) > 0 || !ends(i) {
				continue
			}
			first := max(0, i-rng.IntN(20))
			for !ends(first - 1) {
				first--
			}
			for j := first; j <= i; j++ {
				a.Add(&records[j], collect(&got))
			}
		}
		if a.Flush(collect(&got)); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %d entries, want %d", seed, len(got), len(want))
		}
	}
}

func BenchmarkAddGrouped(b *testing.B) {
	a := New(Config{Rules: &Rules{Group: traces()}}, none)
	records := []logs.Record{rec(1, 0, "2026-11-29 12:00:00 ERROR something has failed\n"), rec(2, 0, "\tat org.example.Class.method(Class.java:10)\n"), rec(3, 0, "\tat org.example.Other.method(Other.java:11)\n")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := &records[i%len(records)]
		r.Time = int64(i)
		a.Add(r, func(logs.Entry) {})
		if i%100 == 0 {
			a.Seal()
		}
	}
}
