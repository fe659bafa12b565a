package stage

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// told is a line of a log.
type told struct {
	at     int64
	stream logs.Stream
	line   string
}

// story is a log of two streams with joined lines, gaps and times that go back a little.
func story(seed int64, n int) []told {
	rnd := rand.New(rand.NewSource(seed))
	at := start
	var out []told
	for i := range n {
		at += rnd.Int63n(2e9)
		if rnd.Intn(20) == 0 {
			at += 10e9
		}
		line := fmt.Sprintf("%d line", i)
		switch rnd.Intn(4) {
		case 0:
			line = fmt.Sprintf("\tat %d", i)
		case 1:
			line = fmt.Sprintf("t=%d.5 x", at/1e9)
		}
		out = append(out, told{at - rnd.Int63n(3e8), logs.Stream(rnd.Intn(2)), line})
	}
	return out
}

const storyStages = `
- match: {selector: '{stream="stdout"}', stages: [{multiline: {firstline: '^\S', max_lines: 4, max_wait_time: 3s}}]}
- match: {selector: '{stream="stderr"}', stages: [{parser: java}]}
- regex: {expression: '^t=(?P<t>\S+)'}
- timestamp: {source: t, format: Unix}
- sampling: {rate: 0.8}
- limit: {rate: 0.5, burst: 3, drop: true}
- level:`

// TestSecondReading: from whatever place a second reading begins, with what the position
// there has, it passes on what the first has passed on after it, and no more.
func TestSecondReading(t *testing.T) {
	p := compile(t, storyStages)
	for seed := range int64(12) {
		lines := story(seed, 200)
		type place struct {
			position logs.Position
			next     [logs.Streams]int64 // the first line to be read again
			state    [logs.Streams][]byte
			sent     [logs.Streams]int
		}
		var places []place
		var first [logs.Streams][]string
		pass := func(to *[logs.Streams][]string) func(*Entry) {
			return func(e *Entry) { to[e.Stream] = append(to[e.Stream], e.text()) }
		}
		// later is the time that no line from one on is older than.
		later := make([]int64, len(lines)+1)
		later[len(lines)] = 1 << 62
		for i := len(lines) - 1; i >= 0; i-- {
			later[i] = min(later[i+1], lines[i].at)
		}
		r := newReading(p, logs.Position{}, pass(&first))
		for i, l := range lines {
			r.add(l.at, l.stream, l.line)
			if i%7 == 0 {
				r.idle(later[i+1])
			}
			at := place{position: logs.Position{Newest: r.joins.Newest(), Last: r.joins.Last()}}
			for s := range logs.Stream(logs.Streams) {
				at.next[s] = r.next
				if offset, _, held := r.joins.Held(s); held {
					at.next[s] = offset
				}
				at.state[s], at.sent[s] = r.run.State(s), len(first[s])
			}
			places = append(places, at)
		}
		r.end()
		if !r.addsUp() || r.joined == 0 || len(r.dropped) != 2 {
			t.Fatalf("%d read, %d sent, %d joined, dropped %v", r.read, r.sent, r.joined, r.dropped)
		}
		for i, at := range places {
			var second [logs.Streams][]string
			again := newReading(p, at.position, pass(&second))
			for s := range logs.Stream(logs.Streams) {
				if err := again.run.Restore(s, at.state[s]); err != nil {
					t.Fatal(err)
				}
			}
			for k, l := range lines {
				if again.next = int64(k); again.next >= at.next[l.stream] {
					again.add(l.at, l.stream, l.line)
				}
			}
			again.end()
			for s := range first {
				if want := first[s][at.sent[s]:]; !slices.Equal(want, second[s]) {
					t.Fatalf("seed %d, place %d, stream %d:\n%q\ninstead of\n%q", seed, i, s, second[s], want)
				}
			}
		}
	}
}

func TestLabelSets(t *testing.T) {
	p := compile(t, "- regex: {expression: '(?P<k>\\w+)'}\n- labels: {k: }")
	r := p.For(base)
	seen := make(map[string]*logs.Labels)
	for i := range 300 {
		k := fmt.Sprint(i % 100)
		e := Entry{Time: start, Line: []byte(k), Labels: base}
		r.Process(&e)
		if old := seen[k]; old != nil && old != e.Labels {
			t.Fatalf("%s: another pointer for the same set", k)
		}
		seen[k] = e.Labels
	}
	if !seen["7"].Valid() || seen["7"].Get("k") != "7" || len(seen["7"].Metadata) != 1 {
		t.Errorf("%+v", seen["7"])
	}
	for i := range 5000 {
		r.Process(&Entry{Time: start, Line: []byte(fmt.Sprint(i)), Labels: base})
	}
	if len(r.sets) > maxSets || len(r.words) > maxWords {
		t.Errorf("%d sets, %d words", len(r.sets), len(r.words))
	}
}

func TestSamplingIsEven(t *testing.T) {
	r := compile(t, "- sampling: {rate: 0.1}").For(base)
	kept := 0
	for i := range 20000 {
		if r.Process(&Entry{Time: start + int64(i)*1000, Line: []byte("the same"), Labels: base}) {
			kept++
		}
	}
	if kept < 1800 || kept > 2200 {
		t.Errorf("%d of 20000", kept)
	}
}

func FuzzRestore(f *testing.F) {
	p := compile(f, "- match: {selector: '{}', stages: [{multiline: {firstline: x}}]}\n- timestamp: {source: t, format: Unix}\n- limit: {rate: 1, burst: 1, drop: true, by_label_name: app}")
	r := p.For(base)
	r.Process(&Entry{Time: start, Line: []byte("y"), Labels: base})
	f.Add(r.State(logs.Stdout))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := p.For(base)
		before := string(r.State(logs.Stdout))
		if r.Restore(logs.Stdout, b) != nil && string(r.State(logs.Stdout)) != before {
			t.Fatal("something was restored of what does not fit")
		}
	})
}

// TestRedactedOnce: nothing of a secret is left where stages before redact did not take it.
func TestRedactedOnce(t *testing.T) {
	p := compile(t, "- multiline: {firstline: '^\\S'}\n- redact: [tokens, mails]\n- level:\n- regex: {expression: '(?P<who>\\S+)$'}\n- structured_metadata: {who: }")
	var got []string
	r := newReading(p, logs.Position{}, func(e *Entry) { got = append(got, e.text()) })
	token := "ghp_" + strings.Repeat("a", 36)
	for i, line := range []string{"ERROR " + token, " joe@example.org", "done"} {
		r.add(start+int64(i), logs.Stdout, line)
	}
	r.end()
	for _, line := range got {
		if strings.Contains(line, token) || strings.Contains(line, "joe@") {
			t.Error(line)
		}
	}
	if n := strings.Count(strings.Join(got, "\n"), "<redacted:"); len(got) != 2 || n != 3 { // and what was lifted of it
		t.Errorf("%q, %d redacted", got, n)
	}
}

// TestLimitClockBack: one line from a clock that was ahead does not have the rest dropped.
func TestLimitClockBack(t *testing.T) {
	r := compile(t, "- limit: {rate: 10, burst: 10, drop: true}").For(base)
	sent := 0
	for i := range int64(601) {
		e := Entry{Time: start + i*1e9, Line: []byte("x"), Labels: base}
		if i == 0 {
			e.Time += 3600e9
		}
		if r.Process(&e) {
			sent++
		}
	}
	if sent != 601 {
		t.Errorf("%d of 601 are sent", sent)
	}
}
