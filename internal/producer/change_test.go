package producer

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

func pipelineOf(t *testing.T, text string) *stage.Pipeline {
	t.Helper()
	var list yaml.Node
	if err := yaml.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	p, err := stage.Compile(list.Content[0].Content, stage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// whole keeps all of what is handed over.
type whole struct{ *sink }

func (s whole) End(_ string, d *logs.Draft, delivered func()) {
	d.HandOver(func(part *logs.Part) {
		for _, g := range part.Batch.Groups {
			for i, at := range g.Times {
				s.lines = append(s.lines, fmt.Sprintf("%d %s %s %q", at, g.Stream, g.Labels.Get("rules"), g.Line(i)))
			}
		}
	})
	s.acks = append(s.acks, delivered)
}

// sorted is everything, whatever was handed over together.
func sorted(lines ...string) []string {
	slices.Sort(lines)
	return lines
}

// reading is one process that reads a log.
type reading struct {
	*Producer
	*sink
	timeline atomic.Pointer[stage.Timeline]
	a        *assemble.Assembler
	chunk    Chunk
}

func newReading(in *stage.Timeline, from logs.Position) *reading {
	r := &reading{sink: &sink{}}
	r.timeline.Store(in)
	r.Producer = New("a", slog.New(slog.DiscardHandler), whole{r.sink}, r.sink, r.sink, &r.timeline)
	r.Relabel(named("web"))
	r.a = assemble.New(assemble.Config{Rules: r.Rules(from)}, from)
	return r
}

// read reads some records as one chunk, and returns the position behind it. end says that
// nothing more can join what is held.
func (r *reading) read(t *testing.T, records []logs.Record, end bool) logs.Position {
	t.Helper()
	if _, err := r.chunk.TryBegin(r.Producer, nil); err != nil {
		t.Fatal(err)
	}
	for i := range records {
		r.a.Add(&records[i], r.chunk.Add)
	}
	if end {
		r.a.Flush(r.chunk.Add)
	}
	p := logs.Position{Newest: r.a.Newest(), Last: r.a.Last()}
	r.chunk.End(logs.File, 1, p, nil)
	r.acks[len(r.acks)-1]()
	return r.committed
}

// TestChangeOfStages: which stages an entry goes through depends on its time alone, be it that
// they change while a log is read, that it is read again from any place, or by a process that
// has known the change, and others, from its start.
func TestChangeOfStages(t *testing.T) {
	old := pipelineOf(t, `
- multiline: {firstline: '^\S', max_wait_time: 1us}
- limit: {rate: 1000000, burst: 3, drop: true}
- static_labels: {rules: old}`)
	next := pipelineOf(t, `
- multiline: {firstline: '^-', max_wait_time: 1us}
- limit: {rate: 1000000, burst: 2, drop: true}
- drop: {expression: noise}
- static_labels: {rules: next}`)
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		const change = 1_000_000
		at := int64(change - 20_000)
		var records []logs.Record
		for n := range 60 {
			at += rng.Int64N(1500) + 1
			text := []string{"%d\n", " %d\n", "- %d\n", "noise %d\n"}[rng.IntN(4)]
			late := int64(0)
			if rng.IntN(10) == 0 {
				late = rng.Int64N(2000) // the streams are stamped apart
			}
			records = append(records, logs.Record{Time: at - late, Stream: logs.Stream(rng.IntN(2)), Text: fmt.Appendf(nil, text, n)})
		}
		before := stage.Always(old)
		if rng.IntN(3) == 0 {
			before = stage.Always(nil)
			old = nil
		}
		after := stage.NewTimeline(stage.Since{From: math.MinInt64, Pipeline: old}, stage.Since{From: change, Pipeline: next})
		later := stage.NewTimeline(stage.Since{From: math.MinInt64, Pipeline: old}, stage.Since{From: change, Pipeline: next}, stage.Since{From: change * 2, Pipeline: nil})

		known := newReading(after, logs.Position{})
		known.read(t, records, true)

		// The change comes while the log is read, in chunks, before its time.
		live := newReading(before, logs.Position{})
		var places []logs.Position
		var ends []int
		first := slices.IndexFunc(records, func(r logs.Record) bool { return r.Time >= change })
		changed := rng.IntN(max(first, 1))
		for i := 0; i < len(records); {
			size := min(rng.IntN(8)+1, len(records)-i)
			if i < changed {
				size = min(size, changed-i)
			} else {
				live.timeline.Store(after)
			}
			p := live.read(t, records[i:i+size], i+size == len(records))
			i += size
			if held := heldBack(live.a); !held {
				places, ends = append(places, p), append(ends, i)
			}
		}
		if !slices.Equal(sorted(live.lines...), sorted(known.lines...)) {
			t.Fatalf("seed %d: changed while it was read:\n%q\nwant\n%q", seed, live.lines, known.lines)
		}
		// It is read on from a place, by a process that knows of another change.
		if len(places) == 0 {
			continue
		}
		n := rng.IntN(len(places))
		sent := newReading(before, logs.Position{})
		sent.timeline.Store(after)
		sent.read(t, records[:ends[n]], true)
		again := newReading(later, places[n])
		again.read(t, records[ends[n]:], true)
		if got := sorted(append(sent.lines, again.lines...)...); !slices.Equal(got, known.lines) {
			t.Fatalf("seed %d: read on from %d:\n%q\nwant\n%q", seed, ends[n], got, known.lines)
		}
		old = pipelineOf(t, `
- multiline: {firstline: '^\S', max_wait_time: 1us}
- limit: {rate: 1000000, burst: 3, drop: true}
- static_labels: {rules: old}`)
	}
}

// heldBack reports whether a line is held.
func heldBack(a *assemble.Assembler) bool {
	for s := range logs.Streams {
		if _, _, held := a.Held(logs.Stream(s)); held {
			return true
		}
	}
	return false
}

// TestMemories: what positions have of stages, also of one that an older version has written,
// and of a damaged one.
func TestMemories(t *testing.T) {
	var b []byte
	b = remember(b, math.MinInt64, []byte("one"))
	b = remember(b, 7, nil)
	b = remember(b, -7, []byte{})
	b = remember(b, 9, []byte("two"))
	all := memories(b)
	if len(all) != 2 || all[0].from != math.MinInt64 || string(all[0].state) != "one" || all[1].from != 9 || string(all[1].state) != "two" {
		t.Errorf("%+v", all)
	}
	if remember(nil, 1, nil) != nil {
		t.Error("nothing is something")
	}
	if all := memories([]byte{memoryVersion - 1, 5}); len(all) != 0 {
		t.Errorf("of one: %+v", all)
	}
	for n := range b {
		if got := memories(b[:n]); len(got) > 1 {
			t.Errorf("cut to %d: %+v", n, got)
		}
	}
}

func FuzzMemories(f *testing.F) {
	f.Add([]byte{memoryVersion, 2, 3, 1, 2, 3})
	f.Add([]byte{memoryVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		size := 0
		for _, m := range memories(b) {
			size += len(m.state)
		}
		if size > len(b) {
			t.Errorf("%d bytes of %d", size, len(b))
		}
	})
}
