package producer

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// sink is lane, store and metrics of one container.
type sink struct {
	Lane
	lines     []string
	acks      []func()
	committed logs.Position
	counted   int
	dropped   []string
	extra     []string
	joined    int
}

func (s *sink) TryBegin(_ string, d *logs.Draft, _ func()) (int, error) {
	d.Open(1<<20, 1<<20)
	return 1, nil
}

func (s *sink) End(_ string, d *logs.Draft, delivered func()) {
	d.HandOver(func(part *logs.Part) {
		for _, g := range part.Batch.Groups {
			for i := range g.Len() {
				s.lines = append(s.lines, g.Labels.Get("container")+" "+string(g.Line(i)))
				for name, value := range g.MetadataOf(i).All() {
					s.extra = append(s.extra, fmt.Sprintf("{container=%q, to=%q} %s %s=%s", g.Labels.Get("container"), g.Labels.Get("to"), g.Tenant, name, value))
				}
			}
		}
	})
	if delivered != nil {
		s.acks = append(s.acks, delivered)
	}
}
func (s *sink) Commit(_ string, p logs.Position)           { s.committed = p }
func (s *sink) SetLabels(string, []checkpoint.LabelsSince) {}
func (s *sink) Joined(lines int)                           { s.joined += lines }
func (s *sink) Dropped(rule string, entries int) {
	s.dropped = append(s.dropped, fmt.Sprint(rule, " ", entries))
}
func (s *sink) Lines(_ string, lines, _ int) { s.counted += lines }
func named(name string) *logs.Labels {
	return logs.NewLabels(map[string]string{"container": name}, nil)
}
func newProducer(s *sink) *Producer       { return New("a", slog.New(slog.DiscardHandler), s, s, s, nil) }
func add(c *Chunk, at int64, text string) { c.Add(logs.Entry{Time: at, Line: []byte(text)}) }

// TestChunk: entries have the labels of their time, and the position is committed when the
// sink has answered, not before.
func TestChunk(t *testing.T) {
	s := &sink{}
	o := newProducer(s)
	o.Relabel(named("old"))
	if !o.Relabel(named("new")) || o.Relabel(named("new")) {
		t.Error("a change of labels is not noticed, or one that is none")
	}
	from := o.Labels()[1].From
	c, place, woken := new(Chunk), logs.Position{Last: 7}, 0
	if _, err := c.TryBegin(o, nil); err != nil {
		t.Fatal(err)
	}
	add(c, from-1, "one")
	add(c, from, "two")
	c.End(logs.File, 100, place, func() { woken++ })
	if want := []string{"old one", "new two"}; !slices.Equal(s.lines, want) || c.Bytes != 6 || s.counted != 2 {
		t.Errorf("%q, %d bytes, counted %d", s.lines, c.Bytes, s.counted)
	}
	if bytes, seconds := o.Lag(time.Unix(0, from-1).Add(time.Minute)); bytes != 100 || seconds != 60 || s.committed.Last != 0 {
		t.Errorf("before the answer: a lag of %d bytes, %v s, committed %v", bytes, seconds, s.committed.Last)
	}
	s.acks[0]()
	if bytes, seconds := o.Lag(time.Now()); bytes != 0 || seconds != 0 || s.committed.Last != 7 || woken != 1 {
		t.Errorf("after the answer: a lag of %d bytes, %v s, committed %v", bytes, seconds, s.committed.Last)
	}
}

// TestOrder: a log that was left is delivered when the sink has answered, and one that was
// read out has passed then.
func TestOrder(t *testing.T) {
	s := &sink{}
	o := newProducer(s)
	o.Relabel(named("a"))
	woken := 0
	o.SetNext(func() { woken++ })
	c := new(Chunk)
	if _, err := c.TryBegin(o, nil); err != nil {
		t.Fatal(err)
	}
	add(c, 1, "one")
	c.End(logs.File, 1, logs.Position{}, nil)
	if o.ReadOut(); o.Passed() || woken != 0 {
		t.Error("passed before the answer")
	}
	if s.acks[0](); !o.Passed() || o.Delivered() || woken != 1 {
		t.Errorf("passed %v, delivered %v, woken %d times", o.Passed(), o.Delivered(), woken)
	}
	if o.ReadOn(); o.Passed() {
		t.Error("passed although it is written on")
	}
	if o.Leave(); !o.Delivered() || !o.Passed() || woken != 2 {
		t.Errorf("left: passed %v, delivered %v, woken %d times", o.Passed(), o.Delivered(), woken)
	}
}

// TestTimeline: a timeline is bounded, reads as it was written, and what is none is refused.
func TestTimeline(t *testing.T) {
	var timeline Timeline
	for i := range 2 * maxTimeline {
		before := slices.Clone(timeline)
		next := timeline.then(named(fmt.Sprint(i)), time.Unix(int64(i), 0))
		if !slices.Equal(timeline, before) || next.Newest().Get("container") != fmt.Sprint(i) {
			t.Fatalf("%d: %v", i, next)
		}
		timeline = next
	}
	if len(timeline) != maxTimeline || timeline.At(math.MinInt64) != timeline[0].Labels || timeline.At(math.MaxInt64) != timeline.Newest() {
		t.Errorf("%d steps", len(timeline))
	}
	if again := DecodeTimeline(timeline.Encode()); len(again) != maxTimeline || !again.Newest().Equal(timeline.Newest()) {
		t.Errorf("read as %v", again)
	}
	if long := slices.Concat(timeline, timeline[:1]); DecodeTimeline(long.Encode()) != nil {
		t.Error("one that is too long is taken")
	}
}

// TestHeldBack: what is held back is a problem after a while.
func TestHeldBack(t *testing.T) {
	now := time.Unix(1000, 0)
	var none *HeldBack
	for _, test := range []struct {
		held *HeldBack
		want bool
	}{
		{none, false},
		{&HeldBack{Since: now.Add(1 - heldTooLong), Line: true}, false},
		{&HeldBack{Since: now.Add(-heldTooLong), Line: true}, true},
		{&HeldBack{Since: now.Add(-heldTooLong)}, true},
	} {
		if err := test.held.Problem(now); (err != nil) != test.want {
			t.Errorf("%+v: %v", test.held, err)
		}
	}
}

// TestStages: lines go through the stages that concern the container's labels, with the
// labels of their time; what the stages remember is in the position, and what they drop and
// join is counted.
func TestStages(t *testing.T) {
	var nodes []*yaml.Node
	var list yaml.Node
	if err := yaml.Unmarshal([]byte(`
- match: {selector: '{container="web"}', stages: [{multiline: {firstline: '^\S'}}, {drop: {expression: noise}}, {limit: {rate: 1, burst: 2, drop: true}}]}
- regex: {expression: 'to=(?P<to>\S+) as=(?P<as>\S+) for=(?P<tenant>\S+)'}
- labels: {to: }
- structured_metadata: {as: }
- tenant: {source: tenant}
`), &list); err != nil {
		t.Fatal(err)
	}
	nodes = list.Content[0].Content
	pipeline, err := stage.Compile(nodes, stage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{}
	var timeline atomic.Pointer[stage.Timeline]
	timeline.Store(stage.Always(pipeline))
	o := New("a", slog.New(slog.DiscardHandler), s, s, s, &timeline)
	o.Relabel(named("web"))
	o.Relabel(named("db")) // in a second
	c := new(Chunk)
	read := func(from logs.Position, at int64, texts ...string) logs.Position {
		a := assemble.New(assemble.Config{Rules: o.Rules(from)}, from)
		if _, err := c.TryBegin(o, nil); err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			a.Add(&logs.Record{Time: at + int64(i), Text: []byte(text + "\n")}, c.Add)
		}
		a.Flush(c.Add)
		c.End(logs.File, 1, logs.Position{Newest: a.Newest(), Last: a.Last()}, nil)
		s.acks[len(s.acks)-1]()
		return s.committed
	}
	at := read(logs.Position{}, 1e9, "one", " more", "noise", "two to=north as=admin for=blue")
	if len(at.Stages[logs.Stdout]) == 0 {
		t.Error("what the limit remembers is not in the position")
	}
	read(at, 1e9+10, "three") // beyond the limit, also after a restart
	after := o.Labels()[1].From
	read(logs.Position{}, after, "three", " four", "noise")
	want := []string{"web one\n more", "web two to=north as=admin for=blue", "db three", "db  four", "db noise"}
	if !slices.Equal(s.lines, want) {
		t.Errorf("got %q\nwant %q", s.lines, want)
	}
	if want := []string{"drop_stage 1", "ratelimit_drop_stage 1"}; !slices.Equal(s.dropped, want) || s.joined != 1 {
		t.Errorf("dropped %q, joined %d", s.dropped, s.joined)
	}
	if want := []string{`{container="web", to="north"} blue as=admin`}; !slices.Equal(s.extra, want) {
		t.Errorf("beyond the text: %q", s.extra)
	}
}
