package checkpoint

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestSpans: what was foreseen is there after a kill, until a position does not need it, in
// whatever order commits, flushes, saves and replacements of the files come.
func TestSpans(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 7))
		dir := t.TempDir()
		open := func() *Store {
			s, err := Open(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open()
		want := make(map[string][]logs.Span)
		// flushed is the least position that has to be there after a kill.
		next, flushed, committed := make(map[string]uint64), make(map[string]uint64), make(map[string]uint64)
		for range 300 {
			id := []string{"/var/log/a#1", "/var/log/b#2"}[rng.IntN(2)]
			switch rng.IntN(12) {
			case 0, 1, 2, 3:
				if _, known := s.Get(id); !known {
					s.Commit(id, logs.Position{})
				}
				span := logs.Span{Number: next[id], From: int64(next[id]) * 10, To: int64(next[id])*10 + 10, Time: rng.Int64(), Hash: rng.Uint64(), Ended: rng.IntN(2) == 0, Head: rng.Uint64(), Steps: "abcd"[:rng.IntN(5)]}
				kept, oldest, err := s.Foresee(id, span)
				want[id] = append(want[id], span)
				if at, first := s.Foreseen(id); err != nil || kept != at || oldest != first {
					t.Fatal(kept, at, oldest, first, err)
				}
				next[id]++
			case 4, 5, 6:
				if n := next[id]; n > committed[id] {
					committed[id] += rng.Uint64N(n-committed[id]) + 1
					s.Commit(id, logs.Position{Last: 1, Plain: logs.PlainPosition{Span: committed[id]}})
				}
			case 7:
				s.Flush()
				flushed["/var/log/a#1"], flushed["/var/log/b#2"] = committed["/var/log/a#1"], committed["/var/log/b#2"]
			case 8:
				if err := s.SaveAgain(); err != nil {
					t.Fatal(err)
				}
				flushed["/var/log/a#1"], flushed["/var/log/b#2"] = committed["/var/log/a#1"], committed["/var/log/b#2"]
			case 9:
				v := <-s.saver
				if err := s.renew(v); err != nil {
					t.Fatal(err)
				}
				s.saver <- v
			default:
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open()
				for id := range want {
					r, _ := s.Get(id)
					at := r.Position.Plain.Span
					if at < flushed[id] || at > committed[id] {
						t.Fatalf("seed %d: position %d, want from %d to %d", seed, at, flushed[id], committed[id])
					}
					left := slices.DeleteFunc(slices.Clone(want[id]), func(s logs.Span) bool { return s.Number < at })
					if !slices.Equal(r.Spans, left) {
						t.Fatalf("seed %d: %d spans, want %d: %v", seed, len(r.Spans), len(left), r.Spans)
					}
					committed[id], flushed[id] = at, at
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInherit: a copy begins where its original is, and only once.
func TestInherit(t *testing.T) {
	s := NewMemory()
	s.Commit("/a#1", logs.Position{Last: 5, Plain: logs.PlainPosition{Span: 3}})
	s.SetLabels("/a#1", []LabelsSince{{From: 1, Labels: logs.NewLabels(map[string]string{"filename": "/a"}, nil)}})
	if _, _, err := s.Foresee("/a#1", logs.Span{Number: 4, To: 9}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Foresee("/b#1", logs.Span{}); err == nil {
		t.Error("a span of nothing was taken")
	}
	s.Inherit("/a#2", "/a#1", func(r *Record) { r.Position.File.Inode = 2 })
	s.Commit("/a#1", logs.Position{Last: 6})
	s.Inherit("/a#2", "/a#1", func(r *Record) { r.Position.File.Inode = 3 })
	r, known := s.Get("/a#2")
	if !known || r.Position.Last != 5 || r.Position.File.Inode != 2 || len(r.Spans) != 1 || len(r.Labels) != 1 {
		t.Errorf("%+v", r)
	}
}

// TestForeseenAtOnce: a span is on a file also before anything was saved, and that none could take
// it is an error until one can.
func TestForeseenAtOnce(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir)
	s.Commit("/a#1", logs.Position{})
	if _, _, err := s.Foresee("/a#1", logs.Span{Number: 0, To: 9, Time: 5}); err != nil {
		t.Fatal(err)
	}
	if all := read(filepath.Join(dir, currentName)); all.records["/a#1"] == nil || len(all.records["/a#1"].spans) != 1 {
		t.Errorf("%+v", all)
	}
	d := <-s.disk
	for i, f := range d.files {
		if f != nil {
			_ = f.Close()
			d.files[i] = f // a write to it fails
		}
	}
	s.disk <- d
	if _, _, err := s.Foresee("/a#1", logs.Span{Number: 1, From: 9, To: 12, Time: 6}); err == nil {
		t.Error("no file has it, and there is no error")
	}
	s.mu.Lock()
	s.stats.LastError = "no space left"
	s.mu.Unlock()
	if _, _, err := s.Foresee("/a#1", logs.Span{Number: 2, From: 12, To: 14, Time: 7}); err == nil {
		t.Error("no file has the next, and there is no error")
	}
	mustSave(t, s)
	if _, _, err := s.Foresee("/a#1", logs.Span{Number: 3, From: 14, To: 15, Time: 8}); err != nil {
		t.Error(err)
	}
	if all := read(filepath.Join(dir, currentName)); len(all.records["/a#1"].spans) != 4 {
		t.Errorf("%+v", all.records["/a#1"].spans)
	}
	mustClose(t, s)
}
