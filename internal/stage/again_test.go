package stage

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// story is a log of two streams with joined lines, gaps and times that go back a little.
func story(seed int64, n int) []Entry {
	rnd := rand.New(rand.NewSource(seed))
	at := start
	var out []Entry
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
		out = append(out, Entry{Time: at - rnd.Int63n(3e8), Stream: logs.Stream(rnd.Intn(2)), Line: []byte(line), Labels: base, Mark: uint64(i)})
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

// out is an entry that was passed on, and what a position behind it would be.
type out struct {
	text string
	mark uint64
}

// TestSecondReading: from whatever place a second run begins, with the state that the
// position there has, what it passes on is what the first run has passed on after it.
func TestSecondReading(t *testing.T) {
	p := compile(t, storyStages)
	for seed := range int64(12) {
		lines := story(seed, 200)
		// The first run, with the position and the state per stream after each line.
		type place struct {
			next  [logs.Streams]uint64 // the first line to be read again
			state [logs.Streams][]byte
			sent  [logs.Streams]int
		}
		var places []place
		var first [logs.Streams][]out
		r := p.For(base)
		pass := func(to *[logs.Streams][]out) func(*Entry) {
			return func(e *Entry) { to[e.Stream] = append(to[e.Stream], out{e.text(), e.Mark}) }
		}
		for i := range lines {
			e := lines[i]
			r.Process(&e, pass(&first))
			var at place
			for s := range logs.Stream(logs.Streams) {
				at.next[s] = uint64(i + 1)
				if mark, held := r.Open(s); held {
					at.next[s] = mark
				}
				at.state[s] = r.State(s)
				at.sent[s] = len(first[s])
			}
			places = append(places, at)
		}
		r.Flush(pass(&first))
		for i := 0; i < len(places); i += 11 {
			at := places[i]
			again := p.For(base)
			for s := range logs.Stream(logs.Streams) {
				if err := again.Restore(s, at.state[s]); err != nil {
					t.Fatal(err)
				}
			}
			var second [logs.Streams][]out
			for k := range lines {
				e := lines[k]
				if e.Mark >= at.next[e.Stream] {
					again.Process(&e, pass(&second))
				}
			}
			again.Flush(pass(&second))
			for s := range first {
				// What lies between the open group and the place was sent, and comes again.
				want := first[s]
				for len(want) > 0 && want[0].mark < at.next[s] {
					want = want[1:]
				}
				if fmt.Sprint(want) != fmt.Sprint(second[s]) {
					t.Fatalf("seed %d, place %d, stream %d:\n%v\ninstead of\n%v", seed, i, s, second[s], want)
				}
			}
		}
	}
}

func TestOpenGroups(t *testing.T) {
	p := compile(t, "- multiline: {firstline: '^\\S', max_wait_time: 3s}")
	var got []string
	emit := func(e *Entry) { got = append(got, fmt.Sprintf("%s %d/%d", e.Line, e.Mark, e.Lines)) }
	r := p.For(base)
	feed := func(mark uint64, at int64, s logs.Stream, line string) Verdict {
		return r.Process(&Entry{Time: start + at, Stream: s, Line: []byte(line), Labels: base, Mark: mark}, emit)
	}
	expect := func(want ...string) {
		t.Helper()
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("got %q instead of %q", got, want)
		}
		got = nil
	}
	if v := feed(7, 0, logs.Stdout, "a"); v != Held {
		t.Error(v)
	}
	if v := feed(8, 1e9, logs.Stdout, " b"); v != Joined {
		t.Error(v)
	}
	feed(9, 1e9, logs.Stderr, "c")
	expect()
	if mark, ok := r.Open(logs.Stdout); !ok || mark != 7 || r.HeldBytes() != 5 {
		t.Error(mark, ok, r.HeldBytes())
	}
	if k := r.Counts(); k.Open != 2 || k.Joined != 1 || k.Read != 3 {
		t.Errorf("%+v", k)
	}
	// The clock alone ends nothing before the wait is over.
	r.Idle(start+4e9, emit)
	expect()
	if at := r.Deadline(); at != start+5e9 {
		t.Error(at - start)
	}
	r.Idle(start+5e9+1, emit)
	expect("a\n b 7/2", "c 9/1")
	// A line of the same stream that comes too late does not join.
	feed(10, 20e9, logs.Stdout, "d")
	feed(11, 23e9+1, logs.Stdout, " e")
	expect("d 10/1")
	// The other stream shows that time has passed, but not before twice the wait.
	feed(12, 29e9, logs.Stderr, "f")
	expect()
	feed(13, 30e9, logs.Stderr, "g")
	expect(" e 11/1", "f 12/1")
	// Labels that change end the groups that were begun with the old ones.
	other := logs.NewLabels(map[string]string{"container": "new"}, nil)
	r.Process(&Entry{Time: start + 31e9, Stream: logs.Stderr, Line: []byte(" h"), Labels: other, Mark: 14}, emit)
	expect("g 13/1")
	r.Flush(emit)
	expect(" h 14/1")
	if _, ok := r.Open(logs.Stderr); ok {
		t.Error("open after Flush")
	}
}

func TestGroupsAreBounded(t *testing.T) {
	p := compile(t, "- multiline: {firstline: '^a', max_lines: 1000000}")
	r := p.For(base)
	longest, total := 0, 0
	emit := func(e *Entry) { longest, total = max(longest, len(e.Line)), total+e.Lines }
	line := []byte(strings.Repeat("x", 10_000))
	r.Process(&Entry{Time: start, Line: []byte("a"), Labels: base}, emit)
	for range 200 {
		r.Process(&Entry{Time: start, Line: line, Labels: base}, emit)
	}
	r.Flush(emit)
	if longest > bytesDefault || total != 201 {
		t.Errorf("%d bytes, %d lines", longest, total)
	}
}

func TestLabelSets(t *testing.T) {
	p := compile(t, "- regex: {expression: '(?P<k>\\w+)'}\n- labels: {k: }")
	r := p.For(base)
	seen := make(map[string]*logs.Labels)
	for i := range 300 {
		k := fmt.Sprint(i % 100)
		r.Process(&Entry{Time: start, Line: []byte(k), Labels: base}, func(e *Entry) {
			if old := seen[k]; old != nil && old != e.Labels {
				t.Fatalf("%s: another pointer for the same set", k)
			}
			seen[k] = e.Labels
		})
	}
	if !seen["7"].Valid() || seen["7"].Get("k") != "7" || len(seen["7"].Metadata) != 1 {
		t.Errorf("%+v", seen["7"])
	}
	for i := range 5000 {
		r.Process(&Entry{Time: start, Line: []byte(fmt.Sprint(i)), Labels: base}, func(*Entry) {})
	}
	if len(r.sets) > maxSets || len(r.words) > maxWords {
		t.Errorf("%d sets, %d words", len(r.sets), len(r.words))
	}
}

func TestSamplingIsEven(t *testing.T) {
	r := compile(t, "- sampling: {rate: 0.1}").For(base)
	kept := 0
	for i := range 20000 {
		r.Process(&Entry{Time: start + int64(i)*1000, Line: []byte("the same"), Labels: base}, func(*Entry) { kept++ })
	}
	if kept < 1800 || kept > 2200 {
		t.Errorf("%d of 20000", kept)
	}
}

func FuzzRestore(f *testing.F) {
	p := compile(f, "- match: {selector: '{}', stages: [{multiline: {firstline: x}}]}\n- timestamp: {source: t, format: Unix}\n- limit: {rate: 1, burst: 1, drop: true, by_label_name: app}")
	r := p.For(base)
	r.Process(&Entry{Time: start, Line: []byte("y"), Labels: base}, func(*Entry) {})
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
	r := p.For(base)
	token := "ghp_" + strings.Repeat("a", 36)
	for _, line := range send(r, "ERROR "+token, " joe@example.org", "done") {
		if strings.Contains(line, token) || strings.Contains(line, "joe@") {
			t.Error(line)
		}
	}
	if k := r.Counts(); k.Redacted != 2 {
		t.Errorf("%+v", k)
	}
}
