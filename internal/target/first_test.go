package target

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestFirstTells: who looks at all that was found is told when there is twice as much, and of
// the last ones at once.
func TestFirstTells(t *testing.T) {
	for _, test := range []struct {
		containers int
		want       []int
	}{
		{1, []int{1}},
		{5, []int{1, 2, 3, 4, 5}},
		{100, []int{1, 2, 4, 8, 16, 32, 64, 92, 93, 94, 95, 96, 97, 98, 99, 100}},
	} {
		f := first{left: test.containers}
		var told []int
		for i := range test.containers {
			if f.next() {
				told = append(told, i+1)
			}
		}
		if fmt.Sprint(told) != fmt.Sprint(test.want) {
			t.Errorf("of %d it was told at %v, want %v", test.containers, told, test.want)
		}
	}
}

// slow is an engine that answers for some containers only when it may.
type slow struct {
	*engine
	ended []string
	held  map[string]chan struct{}
	ids   []string
}

func (s *slow) List(context.Context) (ids []string, ended int, err error) {
	return append(append(ids, s.ended...), s.ids...), len(s.ended), nil
}

func (s *slow) Inspect(ctx context.Context, id string) (*logs.Container, error) {
	if held := s.held[id]; held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.engine.Inspect(ctx, id)
}

// TestEarly: what runs is wanted as soon as it was inspected, and all that was listed exists
// then; but not before what has ended is known, nor where labels may still be moved.
func TestEarly(t *testing.T) {
	for name, test := range map[string]struct {
		early, moves bool
		held         string
		known, ready bool
		want         int
	}{
		"one that runs is slow":        {early: true, held: "r1", known: true, want: 2},
		"one that has ended is slow":   {early: true, held: "e1"},
		"where all are to be known":    {held: "r1", want: 2},
		"where labels may be moved":    {early: true, moves: true, held: "r1", want: 2},
		"where nothing is waited for":  {early: true, known: true, ready: true, want: 3},
		"all are to be known, and are": {known: true, ready: true, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &slow{engine: newEngine(), ended: []string{"e1"}, ids: []string{"r1", "r2"}, held: map[string]chan struct{}{test.held: make(chan struct{})}}
				for _, id := range []string{"e1", "r1", "r2"} {
					e.set(id, id, false)
				}
				var moves func(string) bool
				if test.moves {
					moves = func(string) bool { return true }
				}
				rules := &Rules{Cardinality: NewCardinality(0, nil, moves)}
				d := New(Config{Source: e, Rules: rules, Early: test.early, Log: slog.New(slog.DiscardHandler)})
				run(t, d)
				synctest.Wait()
				set, known := d.Wanted()
				connected, _ := d.Status()
				if known != test.known || known && len(set) != test.want || connected != test.ready {
					t.Errorf("known %v, %d containers, ready %v", known, len(set), connected)
				}
				for _, id := range []string{"e1", "r1", "r2"} {
					if known && !d.Exists(id) {
						t.Errorf("%s does not exist", id)
					}
				}
				if d.Exists("gone") {
					t.Error("what was not listed exists")
				}
				close(e.held[test.held])
				synctest.Wait()
				if set, known := d.Wanted(); !known || len(set) != 3 {
					t.Errorf("in the end known %v, %d containers", known, len(set))
				}
			})
		})
	}
}
