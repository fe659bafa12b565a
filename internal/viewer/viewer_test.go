package viewer

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/logs"
)

// TestLastLinesAsksUnlocked: whoever says when a container's lines begin to be new may ask
// meanwhile whether its history has passed. Its own lock is held then, as it is by another
// goroutine that asks the same.
func TestLastLinesAsksUnlocked(t *testing.T) {
	var out bytes.Buffer
	var l *LastLines
	l = newLastLines(console.New(&out, console.Options{Format: console.Raw}), 3, func(id string) int64 {
		l.passed(id)
		return 100
	})
	var b logs.Batch
	b.Add(logs.NewLabels(map[string]string{"container": "web"}, nil), logs.Entry{Time: 100, Line: []byte("new")})
	done := make(chan logs.Outcome)
	go func() { done <- l.Push(t.Context(), &b) }()
	select {
	case o := <-done:
		if o.Kind != logs.Accepted || strings.TrimSpace(out.String()) != "new" {
			t.Errorf("%v, %q", o.Kind, out.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("it hangs")
	}
}

// TestLastLinesOfBothStreams: a batch has one stream after the other, and the last lines are
// those of both.
func TestLastLinesOfBothStreams(t *testing.T) {
	var out bytes.Buffer
	l := newLastLines(console.New(&out, console.Options{Format: console.Raw}), 3, func(string) int64 { return 100 })
	labels := logs.NewLabels(map[string]string{"container": "web"}, nil)
	push := func(at ...int64) {
		var b logs.Batch
		for _, s := range []logs.Stream{logs.Stdout, logs.Stderr} {
			for _, n := range at {
				if n%2 == int64(s) {
					b.Add(labels, logs.Entry{Time: n, Stream: s, Line: fmt.Append(nil, n)})
				}
			}
		}
		for _, g := range b.Groups {
			g.Container = "1"
		}
		if o := l.Push(t.Context(), &b); o.Kind != logs.Accepted {
			t.Fatal(o.Err)
		}
	}
	push(1, 2, 3, 4, 5, 6)
	push(7, 8)
	if out.Len() > 0 || l.passed("1") {
		t.Errorf("shown too early: %q", out.String())
	}
	push(100, 101)
	if got := strings.Fields(out.String()); strings.Join(got, " ") != "6 7 8 100 101" || !l.passed("1") {
		t.Errorf("got %v", got)
	}
}

// TestPast: what was written after the start is left out, also in the middle of a batch, and
// is noted.
func TestPast(t *testing.T) {
	var out bytes.Buffer
	v := &Viewer{started: time.Unix(0, 10), reached: make(map[string]bool), progress: make(map[string]time.Time), begun: map[string]int64{"b": 20}}
	p := &untilStart{console.New(&out, console.Options{Format: console.Raw}), v}
	var b logs.Batch
	for i, id := range []string{"a", "b", "c"} {
		labels := logs.NewLabels(map[string]string{"container": id}, nil)
		for _, at := range []int64{5, 15, 8} {
			if i < 2 || at < 10 {
				b.Add(labels, logs.Entry{Time: at, Line: fmt.Append(nil, id, at)})
			}
		}
		b.Groups[i].Container = id
	}
	if o := p.Push(t.Context(), &b); o.Kind != logs.Accepted {
		t.Fatal(o.Err)
	}
	if got := strings.Join(strings.Fields(out.String()), " "); got != "a5 b5 c5 a8 c8 b15 b8" {
		t.Errorf("got %q", got)
	}
	if !v.reached["a"] || v.reached["b"] || v.reached["c"] || v.progress["c"].IsZero() {
		t.Errorf("reached %v, progress %v", v.reached, v.progress)
	}
}

// TestComingAndGoing: what becomes of containers is told once, and of one that never ran nothing.
func TestComingAndGoing(t *testing.T) {
	at := time.Unix(1, 0)
	c := func(name string, running bool, started time.Time) *logs.Container {
		return &logs.Container{Name: name, Driver: "local", Running: running, StartedAt: started}
	}
	before := map[string]*logs.Container{"1": c("stays", true, at), "2": c("stops", true, at), "3": c("again", false, at), "4": c("old", true, at), "5": c("gone", true, at), "9": c("quick", false, time.Time{})}
	now := map[string]*logs.Container{"1": c("stays", true, at), "2": c("stops", false, at), "3": c("again", true, at.Add(1)), "4": c("renamed", true, at), "6": c("fresh", true, at), "7": c("made", false, time.Time{}), "8": c("brief", false, at), "9": c("quick", false, at)}
	var got []string
	for _, c := range changes(before, now) {
		got = append(got, fmt.Sprintf("%v %s %s", c.comes, c.container.Name, c.what))
	}
	want := "true again runs again|false brief has stopped|true fresh (local)|false gone is gone|false quick has stopped|true renamed was called old|false stops has stopped"
	if strings.Join(got, "|") != want {
		t.Errorf("got %q", got)
	}
	if n := len(changes(nil, map[string]*logs.Container{"1": c("over", false, at)})); n > 0 {
		t.Errorf("%d changes of what was over before", n)
	}
	if n := len(changes(now, now)); n > 0 {
		t.Errorf("%d changes of nothing", n)
	}
}

// TestNotices: whoever tells of something does not wait for the terminal, and control
// characters do nothing to it.
func TestNotices(t *testing.T) {
	var out bytes.Buffer
	n := console.NewNotices(&out, console.Never, console.New(&out, console.Options{}))
	for range 5000 {
		n.Tell(0, "+ %s", "x\x1b[2J")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.Run(ctx)
	if got := out.String(); strings.Contains(got, "\x1b") || !strings.Contains(got, "+ x^[[2J\n(and 3976 more)\n") {
		t.Errorf("got %.100q", got)
	}
}
