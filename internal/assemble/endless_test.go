package assemble

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// part is a part of a line of which the driver has stored which it is.
func part(time int64, s logs.Stream, text string, line uint64, ordinal int32) logs.Record {
	return logs.Record{Time: time, Stream: s, Text: []byte(text), Line: line, Ordinal: ordinal}
}

// TestD12CROnly: a line that is too long comes as soon as it is, once; what follows of it
// is left out and counted, for as long as it takes, and what follows it comes.
func TestD12CROnly(t *testing.T) {
	const limit = 3*logs.PartSize - 5
	cuts, left := 0, 0
	config := Config{MaxLine: limit, Cut: func() { cuts++ }, LeftOut: func(n int) { left += n }}
	a := New(config, none)
	if got := run(a, rec(1, 0, full), rec(1, 0, full)); got != nil {
		t.Fatalf("%.100v", got)
	}
	if _, _, held := a.Held(0); !held || a.HeldBytes() != 2*logs.PartSize {
		t.Fatalf("held %t, %d bytes", held, a.HeldBytes())
	}
	got := run(a, rec(1, 0, full))
	if len(got) != 1 || len(got[0].line) != limit || !strings.HasSuffix(got[0].line, fmt.Sprintf("x… [cut by lighterman: the line had more than %d bytes]", limit)) {
		t.Fatalf("%.100v", got)
	}
	if _, _, held := a.Held(0); held || a.HeldBytes() != 0 || a.Rest()[0].Time != 1 {
		t.Fatalf("held %t, %d bytes, %+v", held, a.HeldBytes(), a.Rest())
	}
	for range 1000 {
		got = run(a, rec(1, 0, full), rec(5, 1, "e\n"))
		if len(got) != 1 || got[0].stream != logs.Stderr {
			t.Fatalf("%.100v", got)
		}
	}
	got = run(a, rec(1, 0, "the end\n"), rec(2, 0, "next\n"))
	if !slices.Equal(got, []entry{{2, 0, "next"}}) || a.Rest() != ([logs.Streams]logs.Rest{}) {
		t.Errorf("%v, %+v", got, a.Rest())
	}
	if want := 1003*logs.PartSize + len("the end\n") - limit; cuts != 1 || left != want {
		t.Errorf("%d cuts, %d bytes left out, want %d", cuts, left, want)
	}
	// Whatever ends it, what comes then is a line of its own.
	for _, end := range [][]logs.Record{nil, {rec(1, 0, "short")}, {rec(1, 0, "\n")}, {rec(1, 0, full), rec(1, 0, "x\n")}} {
		a = New(config, none)
		run(a, rec(1, 0, full), rec(1, 0, full), rec(1, 0, full))
		run(a, end...)
		if end == nil {
			a.Flush(func(e logs.Entry) { t.Errorf("%.100q", e.Line) })
		}
		if got = run(a, rec(3, 0, "next\n"), rec(3, 0, full), rec(3, 0, "\n")); len(got) != 2 || got[0] != (entry{3, 0, "next"}) {
			t.Errorf("%.100v", got)
		}
	}
}

// TestD12Restart: wherever a log with lines that are too long is left, and however reading
// goes on, each entry comes once, with the text and the time of the first reading.
func TestD12Restart(t *testing.T) {
	config := Config{MaxLine: 2*logs.PartSize + 7}
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 2))
		var records []logs.Record
		now := [logs.Streams]int64{10, 10}
		var begun [logs.Streams]int
		for i := range 60 {
			s := logs.Stream(random.IntN(2))
			if begun[s] == 0 {
				now[s] += int64(1+random.IntN(3)) * 100
			}
			r := rec(now[s], s, fmt.Sprintf("%d\n", i))
			if begun[s] > 0 || random.IntN(3) == 0 {
				if begun[s]++; random.IntN(5) > 0 {
					r.Text = []byte(strings.Repeat(string(rune('a'+random.IntN(3))), logs.PartSize))
				} else {
					begun[s] = 0
				}
			}
			r.Offset = int64(i)
			records = append(records, r)
		}
		want := run(New(config, none), records...)
		for cut := range records {
			first := New(config, none)
			head := run(first, records[:cut]...)
			at := throughFile(t, logs.Position{Newest: first.Newest(), Last: first.Last(), Rest: first.Rest()})
			// By offset: each stream goes on where its line began that is held.
			from := [logs.Streams]int64{int64(cut), int64(cut)}
			for s := range from {
				if offset, _, held := first.Held(logs.Stream(s)); held {
					from[s] = offset
				}
			}
			byOffset := slices.Clone(head)
			again := New(config, at)
			for _, r := range records {
				if r.Offset >= from[r.Stream] {
					byOffset = append(byOffset, run(again, r)...)
				}
			}
			if !slices.Equal(byOffset, want) {
				t.Fatalf("seed %d, cut %d, by offset:\n got %.60v\nwant %.60v", seed, cut, byOffset, want)
			}
			again = New(config, at)
			again.SkipDelivered(both)
			if byTime := append(slices.Clone(head), run(again, records...)...); !slices.Equal(byTime, want) {
				t.Fatalf("seed %d, cut %d, by time:\n got %.60v\nwant %.60v", seed, cut, byTime, want)
			}
		}
	}
}

// throughFile is a position after a trip through the state file.
func throughFile(t *testing.T, p logs.Position) (out logs.Position) {
	t.Helper()
	text, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestD12Numbered: the same where the driver says which part of which line a record is,
// and where its times differ.
func TestD12Numbered(t *testing.T) {
	for _, differ := range []bool{false, true} {
		time := func(n int64) int64 {
			if differ {
				return n
			}
			return 1
		}
		config := Config{MaxLine: 100, TimesDiffer: differ}
		a := New(config, none)
		if got := run(a, part(time(1), 0, full, 7, 1), part(time(2), 0, full, 7, 2)); len(got) != 1 {
			t.Fatalf("%.100v", got)
		}
		again := New(config, throughFile(t, logs.Position{Newest: a.Newest(), Last: a.Last(), Rest: a.Rest()}))
		got := run(again, part(time(3), 0, full, 7, 3), part(time(5), 0, full, 7, 5), part(time(6), 0, "end\n", 7, 6), part(time(7), 0, full, 8, 1))
		if len(got) != 1 || !strings.HasPrefix(got[0].line, "xxx") {
			t.Errorf("%.100v", got)
		}
		again = New(config, throughFile(t, logs.Position{Newest: a.Newest(), Last: a.Last(), Rest: a.Rest()}))
		if got := run(again, rec(9, 0, "another\n")); len(got) != 1 {
			t.Errorf("%.100v", got)
		}
	}
}
