package lokitest

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	StopShared()
	os.Exit(code)
}

func TestPushAndQuery(t *testing.T) {
	// The stream is busy enough to be sharded between the two pushes, if there is a
	// second between them; the second copies would be in another shard then.
	l := New(t, map[string]string{"shard_streams": "{enabled: false}"})
	labels := map[string]string{"test": t.Name(), "service_name": "x"}
	base := time.Now().Add(-time.Minute).UnixNano()
	sent := []Entry{
		{labels, base, "first", map[string]string{"id": "1"}},
		{labels, base, "second at the same time", nil},
		{labels, base + 1, "", nil}, // Loki stores empty lines
		{labels, base + 2, strings.Repeat("x", 2<<20), nil},
		{labels, base + 3, "emoji 🚢 \x00 \u2028 \"quoted\"", nil},
		{map[string]string{"test": t.Name(), "service_name": "y"}, base + 1, "other stream", nil},
	}
	l.Push(t, sent...)
	l.Push(t, sent...) // stored once
	selector := fmt.Sprintf("{test=%q}", t.Name())
	got := l.Await(t, selector, len(sent), 10*time.Second)
	if len(got) != len(sent) {
		t.Fatalf("%d entries, want %d", len(got), len(sent))
	}
	for _, want := range sent {
		found := false
		for _, e := range got {
			found = found || e.Time == want.Time && e.Line == want.Line && maps.Equal(e.Labels, want.Labels) && (want.Metadata == nil || e.Metadata["id"] == "1")
		}
		if !found {
			t.Errorf("%d %.40q is missing", want.Time, want.Line)
		}
	}
	// Count may be higher where entries were sent twice: see TestCount.
}

func TestPaging(t *testing.T) {
	l := Shared(t)
	base := time.Now().Add(-time.Minute).UnixNano()
	var sent []Entry
	for k := range 300 { // 60 timestamps of 5 entries each, and one of 100
		at := base + int64(k/5)
		if k >= 200 {
			at = base + 1000
		}
		sent = append(sent, Entry{Labels: map[string]string{"test": t.Name(), "k": fmt.Sprint(k % 3)}, Time: at, Line: fmt.Sprint(k)})
	}
	l.Push(t, sent...)
	for _, limit := range []int{3, 7, 50, 300, 1000} {
		got, err := l.query(fmt.Sprintf("{test=%q}", t.Name()), time.Unix(0, base), time.Unix(0, base+1000), limit)
		if err != nil {
			t.Fatal(err)
		}
		lines := map[string]bool{}
		for _, e := range got {
			lines[e.Line] = true
		}
		if len(got) != len(sent) || len(lines) != len(sent) {
			t.Errorf("pages of %d: %d entries, %d different, want %d", limit, len(got), len(lines), len(sent))
		}
	}
}

func TestManyEntries(t *testing.T) {
	l := Shared(t)
	const n = 120_000
	base := time.Now().Add(-time.Minute).UnixNano()
	for from := 0; from < n; from += 20_000 {
		var part []Entry
		for k := from; k < from+20_000; k++ {
			part = append(part, Entry{Labels: map[string]string{"test": t.Name()}, Time: base + int64(k), Line: fmt.Sprintf("%d %s", k, strings.Repeat("y", 80))})
		}
		l.Push(t, part...)
	}
	if got := l.Await(t, fmt.Sprintf("{test=%q}", t.Name()), n, time.Minute); len(got) != n {
		t.Errorf("%d entries, want %d", len(got), n)
	}
}

func TestOwnLokiKeepsPortAndData(t *testing.T) {
	start := time.Now()
	l := New(t, map[string]string{"max_line_size": "1KB"})
	t.Logf("ready after %v", time.Since(start))
	labels := map[string]string{"test": "own"}
	l.Push(t, Entry{Labels: labels, Time: time.Now().UnixNano(), Line: "one"})
	l.Kill9(t)
	if l.Ready() {
		t.Error("ready after Kill9")
	}
	l.Start(t)
	l.Push(t, Entry{Labels: labels, Time: time.Now().UnixNano(), Line: "two"})
	start = time.Now()
	l.Stop(t)
	t.Logf("stopped after %v", time.Since(start))
	l.Start(t)
	l.Freeze(t)
	if l.Ready() {
		t.Error("ready while frozen")
	}
	l.Thaw(t)
	if got := l.Await(t, `{test="own"}`, 2, 10*time.Second); len(got) != 2 {
		t.Errorf("%d entries, want 2", len(got))
	}
	t.Run("ends while it is frozen", func(t *testing.T) { l.Freeze(t) })
	if !l.Ready() {
		t.Error("still frozen for the tests behind one that has failed")
	}
}

// TestSharedComesBack: a test that stops the Loki of all, and fails, takes it from none.
func TestSharedComesBack(t *testing.T) {
	l := Shared(t)
	for name, end := range map[string]func(testing.TB){"stopped": l.Stop, "killed": l.Kill9} {
		t.Run(name, func(t *testing.T) { end(t) })
		if !l.Ready() {
			t.Fatalf("%s for all the others", name)
		}
	}
}

func TestCount(t *testing.T) {
	l := Shared(t)
	labels := map[string]string{"test": t.Name()}
	base := time.Now().Add(-time.Minute).UnixNano()
	var sent []Entry
	for k := range 1000 {
		sent = append(sent, Entry{labels, base + int64(k), fmt.Sprint("entry ", k), nil})
	}
	l.Push(t, sent...)
	l.Push(t, sent...)
	if n := l.Count(t, fmt.Sprintf("{test=%q}", t.Name())); n != len(sent) {
		t.Errorf("count is %d, want %d", n, len(sent))
	}
}
