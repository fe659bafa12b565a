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

type entry struct {
	time   int64
	stream logs.Stream
	line   string
}

func run(a *Assembler, records ...logs.Record) (out []entry) {
	for _, r := range records {
		a.Add(&r, collect(&out))
		a.Seal()
	}
	return out
}

func collect(out *[]entry) func(logs.Entry) {
	return func(e logs.Entry) { *out = append(*out, entry{e.Time, e.Stream, string(e.Line)}) }
}

func rec(time int64, s logs.Stream, text string) logs.Record {
	return logs.Record{Time: time, Stream: s, Text: []byte(text)}
}

var full = strings.Repeat("x", logs.PartSize)

var none logs.Position

var both = [logs.Streams]bool{true, true}

func TestParts(t *testing.T) {
	for _, test := range []struct {
		name    string
		differ  bool
		records []logs.Record
		want    []entry
		held    bool
	}{
		{"whole", false, []logs.Record{rec(1, 0, "a\n"), rec(2, 1, "\n")}, []entry{{1, 0, "a"}, {2, 1, ""}}, false},
		{"two parts", false, []logs.Record{rec(1, 0, full), rec(1, 0, "tail\n")}, []entry{{1, 0, full + "tail"}}, false},
		{"exactly full", false, []logs.Record{rec(1, 0, full), rec(1, 0, "\n")}, []entry{{1, 0, full}}, false},
		{"other stream between", false, []logs.Record{rec(1, 0, full), rec(5, 1, "e\n"), rec(1, 0, "z\n")},
			[]entry{{5, 1, "e"}, {1, 0, full + "z"}}, false},
		{"restart after an unfinished line", false, []logs.Record{rec(1, 0, "no newline at end"), rec(2, 0, "plain\n")},
			[]entry{{1, 0, "no newline at end"}, {2, 0, "plain"}}, false},
		{"restart after a full part", false, []logs.Record{rec(1, 0, full), rec(2, 0, "plain\n")},
			[]entry{{1, 0, full}, {2, 0, "plain"}}, false},
		{"unfinished after a part", false, []logs.Record{rec(1, 0, full), rec(1, 0, "end")}, []entry{{1, 0, full + "end"}}, false},
		{"held", false, []logs.Record{rec(1, 0, full)}, nil, true},
		{"journald", true, []logs.Record{rec(1, 0, full), rec(3, 0, full), rec(4, 0, "z\n")}, []entry{{1, 0, full + full + "z"}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := New(Config{TimesDiffer: test.differ}, none)
			if got := run(a, test.records...); !slices.Equal(got, test.want) {
				t.Errorf("got %.80v, want %.80v", got, test.want)
			}
			if _, _, held := a.Held(0); held != test.held {
				t.Errorf("held %v", held)
			}
		})
	}
}

func TestFlush(t *testing.T) {
	a := New(Config{}, none)
	var out []entry
	a.Add(&logs.Record{Time: 7, Text: []byte(full), Offset: 99}, collect(&out))
	if at, time, ok := a.Held(0); !ok || at != 99 || time != 7 {
		t.Errorf("held %d %d %v", at, time, ok)
	}
	a.Flush(collect(&out))
	a.Flush(collect(&out))
	if !slices.Equal(out, []entry{{7, 0, full}}) {
		t.Errorf("got %.80v", out)
	}
}

// TestSeamRune: a rune that Docker cut at the end of a part is whole again
// where the driver kept the bytes.
func TestSeamRune(t *testing.T) {
	a := New(Config{}, none)
	first := full[:logs.PartSize-1] + "\xc3"
	got := run(a, rec(1, 0, first), rec(1, 0, "\xa9!\n"), rec(2, 0, "\xff\xfe.\n"))
	want := []entry{{1, 0, full[:logs.PartSize-1] + "é!"}, {2, 0, "\ufffd\ufffd."}}
	if !slices.Equal(got, want) {
		t.Errorf("got %.80v", got)
	}
}

func TestCut(t *testing.T) {
	cuts := 0
	a := New(Config{MaxLine: 100, Cut: func() { cuts++ }}, none)
	got := run(a, rec(1, 0, strings.Repeat("é", 50)+"\n"), rec(2, 0, strings.Repeat("é", 51)+"\n"),
		rec(3, 0, full), rec(3, 0, full), rec(3, 0, "\n"))
	if got[0].line != strings.Repeat("é", 50) {
		t.Errorf("a line of the limit was cut: %q", got[0].line)
	}
	if len(got[1].line) > 100 || !strings.HasSuffix(got[1].line, "é… [cut by lighterman: the line had more than 100 bytes]") {
		t.Errorf("%d bytes: %q", len(got[1].line), got[1].line)
	}
	if len(got[2].line) != 100 || !strings.HasSuffix(got[2].line, "x… [cut by lighterman: the line had more than 100 bytes]") {
		t.Errorf("%d bytes: %q", len(got[2].line), got[2].line)
	}
	if cuts != 2 || cap(a.lines[0].text) > 4*logs.PartSize {
		t.Errorf("%d cuts, %d bytes held", cuts, cap(a.lines[0].text))
	}
}

// TestIdenticalLinesStayApart: Loki would merge them.
func TestIdenticalLinesStayApart(t *testing.T) {
	a := New(Config{}, none)
	got := run(a, rec(5, 0, "a\n"), rec(5, 0, "a\n"), rec(5, 1, "a\n"), rec(5, 0, "b\n"), rec(5, 0, "a\n"), rec(6, 0, "a\n"))
	want := []entry{{5, 0, "a"}, {6, 0, "a"}, {5, 1, "a"}, {5, 0, "b"}, {7, 0, "a"}, {8, 0, "a"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestUnsent: what was sent before an entry that is not sent, or that a stage has moved back,
// still counts, wherever chunks end.
func TestUnsent(t *testing.T) {
	for _, c := range []struct {
		name    string
		records []logs.Record
		want    []entry
	}{
		{"dropped", []logs.Record{rec(10, 0, "a\n"), rec(20, 0, "drop\n"), rec(10, 0, "a\n")}, []entry{{10, 0, "a"}, {11, 0, "a"}}},
		{"dropped alone", []logs.Record{rec(10, 0, "drop\n"), rec(20, 0, "drop\n"), rec(10, 0, "a\n")}, []entry{{10, 0, "a"}}},
		{"moved", []logs.Record{rec(10, 0, "a\n"), rec(20, 0, "a\n")}, []entry{{10, 0, "a"}, {11, 0, "a"}}},
		{"others", []logs.Record{rec(10, 0, "a\n"), rec(20, 0, "drop\n"), rec(10, 0, "b\n")}, []entry{{10, 0, "a"}, {10, 0, "b"}}},
	} {
		for chunk := 1; chunk <= len(c.records); chunk++ {
			a := New(Config{Rules: &Rules{Change: func(e *logs.Entry) bool {
				send := string(e.Line) != "drop"
				e.Time = min(e.Time, 10)
				return send
			}}}, none)
			var got []entry
			for i, r := range c.records {
				a.Add(&r, collect(&got))
				if (i+1)%chunk == 0 {
					a.Seal()
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, chunks of %d: %v instead of %v", c.name, chunk, got, c.want)
			}
		}
	}
}

// TestRepeatsAreDropped: the same record sent twice by the engine is one line.
func TestRepeatsAreDropped(t *testing.T) {
	a := New(Config{DropRepeats: true}, none)
	got := run(a, rec(5, 0, "a\n"), rec(5, 0, "a\n"), rec(5, 0, "b\n"), rec(5, 1, "a\n"), rec(6, 0, "a\n"))
	want := []entry{{5, 0, "a"}, {5, 0, "b"}, {5, 1, "a"}, {6, 0, "a"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestResumeAnywhere cuts a random log at every place, by offset and by time,
// and wants exactly the entries of the uninterrupted run.
func TestResumeAnywhere(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		records := randomLog(rng)
		want := run(New(Config{}, none), records...)
		for cut := range records {
			first := New(Config{}, none)
			head := run(first, records[:cut]...)

			again := New(Config{}, logs.Position{Newest: first.Newest()})
			again.SkipDelivered(both)
			byTime := append(slices.Clone(head), run(again, records...)...)
			if !slices.Equal(byTime, want) {
				t.Fatalf("seed %d, cut %d, by time:\n got %.60v\nwant %.60v", seed, cut, byTime, want)
			}
		}
	}
}

// randomLog has records with times that rise within each stream, many of them equal.
func randomLog(rng *rand.Rand) (records []logs.Record) {
	now := [logs.Streams]int64{10, 10}
	for range 30 {
		s := logs.Stream(rng.IntN(2))
		now[s] += int64(rng.IntN(2)) * 100
		switch rng.IntN(5) {
		case 0:
			now[s] += 100
			records = append(records, rec(now[s], s, full), rec(now[s], s, fmt.Sprintf("%d\n", rng.IntN(2))))
		default:
			records = append(records, rec(now[s], s, fmt.Sprintf("%d\n", rng.IntN(3))))
		}
	}
	return records
}

func TestManyLinesAtOneTime(t *testing.T) {
	a := New(Config{}, none)
	for range 10000 {
		run(a, rec(1, 0, "same\n"))
	}
	if n := len(a.Newest()[0].Hashes); n != 1 {
		t.Errorf("%d hashes", n)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	a := New(Config{MaxLine: 1 << 20}, none)
	text := bytes.Repeat([]byte("x"), 200)
	text[199] = '\n'
	var time int64
	sink := func(logs.Entry) {}
	if n := testing.AllocsPerRun(100, func() {
		time++
		a.Add(&logs.Record{Time: time, Text: text}, sink)
		a.Seal()
	}); n > 0 {
		t.Errorf("%v allocations per record", n)
	}
}

// TestClockBackBeforeResume: the entries at the high-water mark have come again, so what
// follows is new although it seems to be older.
func TestClockBackBeforeResume(t *testing.T) {
	first := New(Config{}, none)
	run(first, rec(100, 0, "a\n"), rec(100, 1, "x\n"), rec(200, 0, "b\n"), rec(200, 0, "c\n"))
	again := New(Config{}, logs.Position{Newest: first.Newest(), Last: first.Last()})
	again.SkipDelivered(both)
	got := run(again, rec(100, 0, "a\n"), rec(100, 1, "x\n"), rec(200, 0, "b\n"), rec(200, 0, "c\n"),
		rec(150, 0, "d\n"), rec(90, 1, "y\n"))
	if want := []entry{{150, 0, "d"}, {90, 1, "y"}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	a := New(Config{MaxLine: 256 << 10}, logs.Position{})
	record := logs.Record{Text: append(bytes.Repeat([]byte("x"), 160), '\n')}
	emit := func(logs.Entry) {}
	b.SetBytes(161)
	b.ReportAllocs()
	for b.Loop() {
		record.Time++
		a.Add(&record, emit)
	}
}

// TestClockBackBeforeWindow: reading begins after the high-water mark of one stream, and the clock
// was set back before it. Once the entry handed over last has come again, all is new.
func TestClockBackBeforeWindow(t *testing.T) {
	first := New(Config{}, none)
	run(first, rec(190, 1, "x\n"), rec(200, 0, "a\n"))
	resume := func() *Assembler {
		again := New(Config{}, logs.Position{Newest: first.Newest(), Last: first.Last()})
		again.SkipDelivered(both)
		return again
	}
	got := run(resume(), rec(200, 0, "a\n"), rec(40, 1, "y\n"), rec(50, 0, "b\n"))
	if want := []entry{{40, 1, "y"}, {50, 0, "b"}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	// A line of several parts lies where its end is, and its time does not tell.
	part := strings.Repeat("p", logs.PartSize)
	run(first, rec(195, 1, part), rec(195, 1, "q\n"))
	got = run(resume(), rec(200, 0, "a\n"), rec(195, 1, part), rec(195, 1, "q\n"), rec(210, 1, "z\n"))
	if want := []entry{{210, 1, "z"}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
