package stream

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// left is where a log was left after an entry.
func left(t *testing.T, body string) logs.Position {
	t.Helper()
	_, r, _ := read(t, io.MultiReader(strings.NewReader(body), &cut{}), Config{})
	return r.Position()
}

const second = int64(1e9)

// TestTail: a body that begins some records before the end is taken up where the log
// was left, and refused when that place may lie before it.
func TestTail(t *testing.T) {
	line := func(at int64, text string) string { return frame(1, stamped(at, text+"\n")) }
	old, last := line(1*second, "old"), line(10*second, "last")
	fresh := line(11*second, "new") + line(12*second, "newer")
	from := left(t, old+line(9*second, "soon")+last)
	both := []string{"11000000000 stdout new", "12000000000 stdout newer"}
	for _, test := range []struct {
		name, body string
		tail       int
		want       []string
		end        error
	}{
		{"all", old + line(9*second, "soon") + last + fresh, 9, both, io.EOF},
		{"nothing new", old + last, 9, nil, io.EOF},
		{"just enough", old + last + fresh, 1, both, io.EOF},
		{"begins at the place", last + fresh, 9, nil, ErrGap},
		{"begins behind the place", fresh, 9, nil, ErrGap},
		{"place is gone", old + fresh, 9, nil, ErrGap},
		{"nothing of now", old, 9, nil, ErrGap},
		{"empty", "", 9, nil, io.EOF},
		{"clock was set back", old + line(2*second, "new") + line(3*second, "newer") + last, 2, nil, ErrGap},
		{"clock was set back to before the place", line(2*second, "new") + line(3*second, "newer") + line(8*second, "newest") + fresh, 9, nil, ErrGap},
		{"broken", old + last[:20], 9, nil, io.ErrUnexpectedEOF},
		{"no timestamp", frame(1, "what") + old + last + fresh, 9, both, io.EOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines, r, end := read(t, strings.NewReader(test.body), Config{Resume: from, Tail: test.tail})
			if !errors.Is(end, test.end) || !slices.Equal(lines, test.want) {
				t.Errorf("%q, %v; want %q, %v", lines, end, test.want, test.end)
			}
			if p := r.Position(); test.want == nil && p.Last != from.Last {
				t.Errorf("the position has moved to %+v", p)
			}
		})
	}
}

// TestTailKeepsPending: the place of a line whose end has not come is kept until the
// line has come again.
func TestTailKeepsPending(t *testing.T) {
	begin := frame(1, stamped(1*second, "old\n")) + frame(1, stamped(9*second, "soon\n")) + frame(1, stamped(10*second, full))
	from := left(t, begin)
	if from.Pending == 0 {
		t.Fatal("nothing is pending")
	}
	r := NewReader(strings.NewReader(begin[:len(begin)-1]), Config{Resume: from, Tail: 5, Events: &counter{}})
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	r.Take(func(e logs.Entry) { t.Errorf("%q came again", e.Line) })
	if got := r.Position().Pending; got != from.Pending {
		t.Errorf("pending since %d, want %d", got, from.Pending)
	}
	lines, _, _ := read(t, strings.NewReader(begin+frame(1, stamped(10*second, "end\n"))), Config{Resume: from, Tail: 5})
	if want := []string{"10000000000 stdout " + full + "end"}; !slices.Equal(lines, want) {
		t.Errorf("%.100q", lines)
	}
}

// TestHeard: what has arrived is heard of, also while a line has no end.
func TestHeard(t *testing.T) {
	for _, test := range []struct {
		name, body string
		tty        bool
		want       int64
	}{
		{"frames", frame(1, stamped(1, "one\n")) + frame(2, stamped(3, "two\n")) + frame(1, stamped(2, "late\n")), false, start + 3},
		{"line without end", frame(1, stamped(1, "one\n")) + frame(1, stamped(2, full)), false, start + 2},
		{"terminal", stamped(1, "one\r\n") + stamped(2, "progress\r"), true, start + 2},
		{"half a timestamp", stamped(1, "one\r\n") + stamped(2, "")[:20], true, start + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var heard atomic.Int64
			r := NewReader(io.MultiReader(strings.NewReader(test.body), &cut{}), Config{TTY: test.tty, Events: &counter{}, Heard: &heard})
			for r.Wait() == nil {
				r.Take(func(logs.Entry) {})
			}
			if got := heard.Load(); got != test.want {
				t.Errorf("heard of %d, want %d", got, test.want)
			}
		})
	}
}

// cut is a connection that breaks.
type cut struct{}

func (*cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
