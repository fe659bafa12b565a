package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestBatchIsOrderedByTime(t *testing.T) {
	var b logs.Batch
	web, db := named("web"), named("db")
	add(&b, web, logs.Stdout, 10, "w10", "w11")
	add(&b, web, logs.Stderr, 5, "e5")
	add(&b, db, logs.Stdout, 10, "d10")
	add(&b, db, logs.Stdout, 3, "d3 late") // out of order within its group
	got := printed(t, Options{Format: Text}, &b, &logs.Batch{})
	want := "web !| e5\nweb  | w10\ndb   | d10\ndb   | d3 late\nweb  | w11\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestMergerAgainstModel compares with the plain way: take the oldest head, again
// and again.
func TestMergerAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		groups := make([]*logs.Group, random.IntN(8))
		for g := range groups {
			groups[g] = &logs.Group{}
			for range random.IntN(6) {
				groups[g].Times = append(groups[g].Times, random.Int64N(5))
			}
		}
		var m merger
		m.reset(groups)
		heads := make([]int, len(groups))
		for {
			want := -1
			for g, at := range heads {
				if at < groups[g].Len() && (want < 0 || groups[g].Times[at] < groups[want].Times[heads[want]]) {
					want = g
				}
			}
			g, i, ok := m.next()
			if !ok && want < 0 {
				break
			}
			if !ok || g != want || i != heads[g] {
				t.Fatalf("got entry %d of group %d (%v), want group %d", i, g, ok, want)
			}
			heads[g]++
		}
	}
}

func TestOneWritePerBatch(t *testing.T) {
	w := &script{}
	s := New(w, Options{})
	var b logs.Batch
	for i := range 50 {
		add(&b, named(fmt.Sprint(i)), logs.Stdout, int64(i), "one", "two")
	}
	s.Push(t.Context(), &b)
	s.Push(t.Context(), &logs.Batch{})
	if w.calls != 1 {
		t.Errorf("%d writes", w.calls)
	}
}

func TestTroubleThatPasses(t *testing.T) {
	w := &script{answers: []answer{{20, errFull}}}
	s := New(w, Options{Format: Text})
	var b logs.Batch
	add(&b, named("web"), logs.Stdout, 1, "the first line", "the second line")
	if got := s.Push(t.Context(), &b); got.Kind != logs.Retry || !errors.Is(got.Err, errFull) {
		t.Errorf("got %+v", got)
	}
	select {
	case <-s.Broken():
		t.Error("a full disk is not a reader that is gone")
	default:
	}
	s.Push(t.Context(), &b)
	s.Push(t.Context(), &b)
	both := "web  | the first line\nweb  | the second line\n"
	if want := both[:20] + "\n" + both + both; w.String() != want {
		t.Errorf("got %q, want %q", w.String(), want)
	}
}

func TestReaderIsGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	pipe, gone := io.Pipe()
	pipe.Close()
	for _, out := range []io.Writer{w, gone, &script{answers: []answer{{0, syscall.EIO}}}} {
		s := New(out, Options{})
		var b logs.Batch
		add(&b, named("web"), logs.Stdout, 1, "line")
		for range 2 {
			if got := s.Push(t.Context(), &b); got.Kind != logs.Retry || got.Err == nil {
				t.Errorf("got %+v", got)
			}
		}
		select {
		case <-s.Broken():
		default:
			t.Errorf("%T: nobody is told that the reader is gone", out)
		}
	}
}

func TestPushWhenCancelled(t *testing.T) {
	w := &script{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b logs.Batch
	add(&b, named("web"), logs.Stdout, 1, "line")
	if got := New(w, Options{}).Push(ctx, &b); got.Kind != logs.Retry || !errors.Is(got.Err, context.Canceled) || w.calls != 0 {
		t.Errorf("got %+v after %d writes", got, w.calls)
	}
}

func TestConcurrentPushes(t *testing.T) {
	w := &script{}
	s := New(w, Options{Format: Text})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for range 100 {
				var b logs.Batch
				add(&b, named(fmt.Sprint(g)), logs.Stdout, 1, "a", "b")
				s.Push(t.Context(), &b)
			}
		})
	}
	wg.Wait()
	lines := strings.SplitAfter(w.String(), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		if lines[i][0] != lines[i+1][0] || !strings.HasSuffix(lines[i], "| a\n") {
			t.Fatalf("batches are mixed: %q", lines[i:i+2])
		}
	}
}

func TestFormatAndColor(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer pipe.Close()
	if !IsTerminal(terminal) || IsTerminal(pipe) {
		t.Error("IsTerminal is wrong")
	}
	closed, _ := os.CreateTemp(t.TempDir(), "")
	closed.Close()
	if IsTerminal(closed) {
		t.Error("a closed file is a terminal")
	}

	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if p, ok := New(terminal, Options{}).print.(*textPrinter); !ok || !p.color {
		t.Errorf("on a terminal: %+v", p)
	}
	if _, ok := New(pipe, Options{}).print.(*jsonPrinter); !ok {
		t.Error("a pipe gets no JSON")
	}
	if p, ok := New(pipe, Options{Format: Text}).print.(*textPrinter); !ok || p.color {
		t.Error("text in a pipe has colours")
	}
	if _, ok := New(terminal, Options{Format: JSON}).print.(*jsonPrinter); !ok {
		t.Error("JSON on a terminal is not possible")
	}
	t.Setenv("NO_COLOR", "1")
	if p := New(terminal, Options{}).print.(*textPrinter); p.color {
		t.Error("NO_COLOR is ignored")
	}
	if p := New(terminal, Options{Color: Always}).print.(*textPrinter); !p.color {
		t.Error("NO_COLOR wins over an option")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if p := New(terminal, Options{}).print.(*textPrinter); p.color {
		t.Error("a dumb terminal gets colours")
	}
}
