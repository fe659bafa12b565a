package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// having is a Loki that has entries, in the order of time.
func having(all []lokiquery.Entry) Source {
	return func(_ context.Context, _ string, q lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
		return func(yield func(lokiquery.Entry, error) bool) {
			for _, e := range all {
				if e.Time >= q.From && e.Time < q.To && !yield(e, nil) {
					return
				}
			}
		}
	}
}

var web = logs.NewLabels(map[string]string{"container": "web", "host": "h", "image": "i"}, map[string]string{"container_id": "c"})

func entry(at int64, text string) lokiquery.Entry {
	return lokiquery.Entry{Time: at, Line: text, Labels: map[string]string{"container": "web"}, Metadata: map[string]string{"container_id": "c"}}
}

func compare(t *testing.T, config Config, log []Stored, has []lokiquery.Entry) *Audit {
	t.Helper()
	slices.SortStableFunc(has, func(a, b lokiquery.Entry) int { return int(a.Time - b.Time) })
	config.Source, config.Container, config.IDName, config.Naming, config.Examples = having(has), "c", "container_id", []string{"container", "host"}, 5
	if config.To == 0 {
		config.To = 1 << 60
	}
	a := New(config)
	addAll(t, a, log)
	return a
}

// addAll takes the entries of a log through a comparison, to its end.
func addAll(t *testing.T, a *Audit, log []Stored) {
	t.Helper()
	defer a.Close()
	for _, e := range log {
		e.Labels = web
		if err := a.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.End(); err != nil {
		t.Fatal(err)
	}
}

// checkCounts holds the counts of a comparison of a model's against what the model did.
func checkCounts(t *testing.T, seed uint64, got, want Result) {
	t.Helper()
	got.Examples = nil
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("seed %d: %+v, want %+v", seed, got, want)
	}
}

// TestModel: what was taken away, added and changed is counted so, whatever the disorder.
func TestModel(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var log []Stored
		var has []lokiquery.Entry
		var want Result
		at := int64(1000)
		for n := range 400 {
			at += rng.Int64N(3) * 10 // some have one time
			if n == 0 {
				at = 1000
			}
			e := Stored{Time: at, Stream: logs.Stream(rng.IntN(2)), Text: fmt.Appendf(nil, "line %d", n), Waits: n > 380}
			late := n > 0 && rng.IntN(10) == 0
			if late {
				e.Time -= min(rng.Int64N(50)*10, at-1000) // the clock was set back
			}
			log = append(log, e)
			want.Entries++
			in := entry(e.Time, string(e.Text))
			switch what := rng.IntN(40); {
			case n == 0 || what > 4:
				want.Found++
				has = append(has, in)
			case what == 0 && e.Waits:
				want.Waiting++
			case what == 0:
				want.Missing++
			case what == 1:
				want.Found++
				want.Twice++
				again := in
				again.Time += 3
				has = append(has, in, again)
			case what == 2:
				want.Found++
				want.Twice++
				again := in
				again.Labels = map[string]string{"container": "web", "job": "x"}
				has = append(has, in, again)
			case what == 3:
				want.Found++
				want.Strange++
				other := in
				other.Time, other.Line = other.Time+7, fmt.Sprint("strange ", n)
				has = append(has, in, other)
			default:
				want.Found++
				other := in
				other.Metadata = map[string]string{"container_id": "other"}
				has = append(has, in, other)
			}
		}
		checkCounts(t, seed, compare(t, Config{}, log, has).Result, want)
	}
}

// TestChanged: an entry with another text in its place is one changed, not one missing and one
// too much; the example has both texts.
func TestChanged(t *testing.T) {
	log := []Stored{{Time: 1, Text: []byte("a")}, {Time: 2, Text: []byte("b")}, {Time: 3, Text: []byte("c")}}
	a := compare(t, Config{}, log, []lokiquery.Entry{entry(1, "a"), entry(2, "B"), entry(3, "c")})
	if a.Result.Changed != 1 || a.Result.Missing+a.Result.Strange+a.Result.Twice != 0 || a.Result.Found != 2 || a.Result.Same() {
		t.Errorf("%+v", a.Result)
	}
	if e := a.Result.Examples; len(e) != 1 || e[0].Text != "b" || e[0].Found != "B" || e[0].Kind != Changed {
		t.Errorf("%+v", e)
	}
}

// TestBounds: what is not of the time that counts makes no difference, nor what Loki has from
// before the log that is there.
func TestBounds(t *testing.T) {
	log := []Stored{{Time: 5, Text: []byte("before")}, {Time: 10, Text: []byte("a")}, {Time: 19, Text: []byte("b")}, {Time: 20, Text: []byte("after")}}
	a := compare(t, Config{From: 10, To: 20}, log, []lokiquery.Entry{entry(9, "x"), entry(10, "a"), entry(19, "b"), entry(20, "y")})
	if !a.Result.Same() || a.Result.Found != 2 || a.Result.Entries != 2 {
		t.Errorf("%+v", a.Result)
	}
}

// TestOneStays: an entry that is not found keeps nothing that came after it.
func TestOneStays(t *testing.T) {
	var s side
	s.add(&node{time: -1})
	for k := range int64(100_000) {
		s.add(&node{time: k, hash: 1})
		if s.take(k, 1) == nil {
			t.Fatal("it is not there")
		}
	}
	if len(s.queue) > 2048 || s.live != 1 || s.oldest().time != -1 || s.oldest() != nil {
		t.Errorf("%d are kept, %d live", len(s.queue), s.live)
	}
}

// TestTorn: a log that begins with the ends of long lines, whose beginnings were rotated away, has
// lost also what was written between these.
func TestTorn(t *testing.T) {
	has := []lokiquery.Entry{
		entry(10, "a long line"), entry(11, "gone"), entry(12, "another long line"), entry(15, "gone, too"), entry(20, "a"), entry(21, "strange"), entry(22, "b"),
	}
	a := New(Config{Source: having(has), Container: "c", IDName: "container_id", Naming: []string{"container"}, To: 100})
	a.Begin(10, true, true)
	addAll(t, a, []Stored{{Time: 10, Text: []byte("line")}, {Time: 12, Stream: logs.Stderr, Text: []byte("long line")}, {Time: 20, Text: []byte("a")}, {Time: 22, Text: []byte("b")}, {Time: 23, Text: []byte("c")}})
	if a.Result.Edge != 2 || a.Result.Found != 2 || a.Result.Strange != 1 || a.Result.Missing != 1 || a.Result.Changed+a.Result.Twice != 0 {
		t.Errorf("%+v", a.Result)
	}
}

// TestEdge: the first entry of a log that has lost what was before it is not compared where
// lines are joined, and neither is what Loki has from before it.
func TestEdge(t *testing.T) {
	for _, cut := range []bool{true, false} {
		a := New(Config{Source: having([]lokiquery.Entry{entry(5, "x\n y\n z"), entry(20, "a")}), Container: "c", Naming: []string{"container"}, To: 100})
		a.Begin(10, cut, true)
		addAll(t, a, []Stored{{Time: 10, Text: []byte(" z")}, {Time: 20, Text: []byte("a")}})
		if a.Result.Same() != cut || a.Result.Found != 1 || (a.Result.Edge == 1) != cut || (a.Result.Missing == 1) == cut {
			t.Errorf("cut %v: %+v", cut, a.Result)
		}
	}
}

// TestTruncated: what Loki has from before a log that somebody has emptied is no difference.
func TestTruncated(t *testing.T) {
	log := []Stored{{Time: 10, Text: []byte("a")}, {Time: 20, Text: []byte("b")}}
	a := compare(t, Config{}, log, []lokiquery.Entry{entry(5, "a"), entry(6, "x"), entry(10, "a"), entry(15, "y"), entry(20, "b")})
	if a.Result.Found != 2 || a.Result.Strange != 1 || a.Result.Twice+a.Result.Missing+a.Result.Changed != 0 {
		t.Errorf("%+v", a.Result)
	}
}

// TestFailure: what Loki cannot answer is an error.
func TestFailure(t *testing.T) {
	broken := errors.New("broken")
	a := New(Config{To: 100, Source: func(context.Context, string, lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
		return func(yield func(lokiquery.Entry, error) bool) { yield(lokiquery.Entry{}, broken) }
	}})
	defer a.Close()
	if err := a.Add(t.Context(), Stored{Time: 1, Labels: web}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// TestBounded: memory does not grow with what one side lacks, and that is counted all the same.
func TestBounded(t *testing.T) {
	const n = 300_000
	many := func(_ context.Context, _ string, q lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
		return func(yield func(lokiquery.Entry, error) bool) {
			for i := range int64(n) {
				if i%3 != 0 && !yield(entry(i*10+1, fmt.Sprint("strange ", i)), nil) {
					return
				}
			}
		}
	}
	a := New(Config{Source: many, Container: "c", IDName: "container_id", Naming: []string{"container"}, To: 1 << 60, Examples: 3, Most: 1000})
	defer a.Close()
	most := 0
	a.Begin(0, false, false)
	for i := range int64(n) {
		if err := a.Add(t.Context(), Stored{Time: i * 10, Text: fmt.Append(nil, "line ", i), Labels: web}); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(a.stored.queue)-a.stored.head+len(a.found.queue)-a.found.head+len(a.stored.times)+len(a.found.times)+len(a.young))
	}
	if err := a.End(); err != nil {
		t.Fatal(err)
	}
	if a.Result.Missing != n || a.Result.Strange != n/3*2 || len(a.Result.Examples) != 6 {
		t.Errorf("%d missing, %d strange, %d examples", a.Result.Missing, a.Result.Strange, len(a.Result.Examples))
	}
	if most > 30_000 {
		t.Errorf("%d entries are remembered", most)
	}
}

// BenchmarkAdd is what a line costs that is where it should be.
func BenchmarkAdd(b *testing.B) {
	text := []byte("a line of usual length, as a server writes it for each request that it has answered")
	many := func(context.Context, string, lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
		return func(yield func(lokiquery.Entry, error) bool) {
			e := entry(0, string(text))
			for i := int64(0); ; i++ {
				if e.Time = i; !yield(e, nil) {
					return
				}
			}
		}
	}
	a := New(Config{Source: many, Container: "c", IDName: "container_id", Naming: []string{"container"}, To: 1 << 60})
	defer a.Close()
	b.ReportAllocs()
	for i := range int64(b.N) {
		if err := a.Add(b.Context(), Stored{Time: i, Text: text, Labels: web}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.KeepAlive(a)
}
