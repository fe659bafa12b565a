package dispatch

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// begin opens a draft, and fails when there is no room.
func begin(t *testing.T, l *Lane, id string, d *logs.Draft) {
	t.Helper()
	if room, err := l.TryBegin(id, d, nil); room == 0 || err != nil {
		t.Fatalf("room %d, %v", room, err)
	}
}

// TestHangingRead: a read that does not come back holds up nothing of what was handed over,
// no other container, and nobody who asks what is held.
func TestHangingRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		d, _, stop := start(t, s, nil)
		defer stop()
		l := d.Lane(0)
		sendAs(t, l, "hangs", lines(0, 9), func() {})
		var draft logs.Draft
		begin(t, l, "hangs", &draft)
		draft.Add(labels("hangs"), logs.Entry{Time: 1, Line: []byte("hangs line 10")})
		acks := 0
		for i := range 10 {
			sendAs(t, l, "quiet", lines(i, i), func() { acks++ })
			settled(time.Minute)
			if acks != i+1 || d.SetAside() != 0 || d.Buffered() != 0 || l.Due().After(time.Now()) {
				t.Fatalf("%d of %d lines are delivered, %d bytes held", acks, i+1, d.Buffered())
			}
		}
		if got := of(s, "hangs"); !slices.Equal(got, lines(0, 9)) {
			t.Errorf("of the container that hangs are delivered %q", got)
		}
		l.End("hangs", &draft, func() { acks++ })
		l.Flush()
		settled(time.Minute)
		if got := of(s, "hangs"); !slices.Equal(got, lines(0, 10)) || acks != 11 {
			t.Errorf("delivered in the end %q, %d acks", got, acks)
		}
	})
}

// TestHangingReadAtTheEnd: what is being filled is waited for as long as the stop may take.
func TestHangingReadAtTheEnd(t *testing.T) {
	for _, comesBack := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &sink{}
			d, _, stop := start(t, s, nil)
			l, acks := d.Lane(0), 0
			var draft logs.Draft
			begin(t, l, "web", &draft)
			draft.Add(web, logs.Entry{Time: 1, Line: []byte("web line 1")})
			d.Close()
			settled(time.Second)
			if comesBack {
				l.End("web", &draft, func() { acks++ })
				settled(time.Second)
			}
			stop()
			if want := map[bool]int{true: 1}[comesBack]; acks != want || len(s.accepted) != want {
				t.Errorf("%d acks for %q", acks, s.accepted)
			}
		})
	}
}

// TestOneDraftPerContainer: another producer of a container waits until the first has handed
// over, and is told then.
func TestOneDraftPerContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		d, _, stop := start(t, s, nil)
		defer stop()
		l := d.Lane(0)
		var first, second logs.Draft
		begin(t, l, "web", &first)
		woken := 0
		if room, err := l.TryBegin("web", &second, func() { woken++ }); room != 0 || err != nil {
			t.Fatalf("room %d, %v", room, err)
		}
		settled(time.Minute)
		if woken != 0 {
			t.Error("woken while the first is at it")
		}
		l.End("web", &first, nil)
		if woken != 1 {
			t.Errorf("woken %d times", woken)
		}
		begin(t, l, "web", &second)
		l.End("web", &second, nil)
	})
}

// TestReservedRoom: what may be added to open drafts counts as held, those who find no room
// because of that are told when it is handed over, and a draft is no part of what is held
// until then.
func TestReservedRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _, stop := start(t, &sink{}, func(c *Config) { c.MaxMemory = 1 << 20 })
		defer stop()
		l := d.Lane(0)
		drafts := make([]logs.Draft, 10)
		open := 0
		for ; open < len(drafts); open++ {
			if room, _ := l.TryBegin(fmt.Sprint(open), &drafts[open], nil); room == 0 {
				break
			}
		}
		if open != 1<<20/wholeChunk || d.Buffered() != 0 {
			t.Fatalf("%d drafts are open at a time, %d bytes held", open, d.Buffered())
		}
		woken := false
		if room, _ := l.TryBegin("another", &drafts[9], func() { woken = true }); room != 0 {
			t.Fatal("there is more room than memory")
		}
		settled(time.Minute)
		if woken {
			t.Fatal("woken though nothing was handed over")
		}
		for i := range open {
			l.End(fmt.Sprint(i), &drafts[i], nil)
		}
		if !woken {
			t.Error("nobody was told that there is room")
		}
		if l.queues.reserved != 0 || l.queues.drafts != 0 || l.queues.bytes != 0 {
			t.Errorf("left over: %d reserved for %d drafts, %d held", l.queues.reserved, l.queues.drafts, l.queues.bytes)
		}
	})
}

// TestDraftGoesOn: what is read while earlier entries of the container wait for the sink
// comes after them, with the acks in order, also one that was asked for meanwhile.
func TestDraftGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.answer = func(*logs.Batch) logs.Outcome {
			s.mu.Unlock()
			time.Sleep(time.Minute)
			s.mu.Lock()
			return logs.Outcome{}
		}
		d, _, stop := start(t, s, func(c *Config) { c.BatchSize = 64 << 10 })
		defer stop()
		l := d.Lane(0)
		var acks, want []int
		var wantLines []string
		var draft logs.Draft
		n := 0
		for i := range 200 {
			if err := l.Begin(t.Context(), "web", &draft); err != nil {
				t.Fatal(err)
			}
			if i%5 == 0 {
				time.Sleep(time.Duration(i%3) * 30 * time.Second) // pushes end meanwhile
			}
			if i%7 == 0 {
				l.After("web", func() { acks = append(acks, -i) })
				want = append(want, -i)
			}
			draft.Behind = i%11 == 0
			for range i % 13 {
				text := fmt.Sprint("line ", n, strings.Repeat("x", i%2*3000))
				draft.Add(web, logs.Entry{Time: int64(n), Line: []byte(text)})
				wantLines = append(wantLines, text)
				n++
			}
			l.End("web", &draft, func() { acks = append(acks, i) })
			want = append(want, i)
		}
		d.Close()
		settled(5 * time.Hour)
		if !slices.Equal(s.accepted, wantLines) {
			t.Errorf("%d of %d lines, or in another order", len(s.accepted), len(wantLines))
		}
		if !slices.Equal(acks, want) {
			t.Errorf("acks %v", acks)
		}
		if l.queues.bytes != 0 || l.queues.queued != 0 || d.Buffered() != 0 {
			t.Errorf("left over: %d held, %d queued", l.queues.bytes, l.queues.queued)
		}
	})
}

// TestManyProducers: each container has one of its own, some of which take their time; the
// sink answers what it likes.
func TestManyProducers(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			s := &sink{}
			pushes := 0
			s.answer = func(b *logs.Batch) logs.Outcome {
				s.mu.Unlock()
				time.Sleep(50 * time.Millisecond)
				s.mu.Lock()
				switch pushes++; {
				case pushes%5 == 0:
					return logs.Outcome{Kind: logs.Retry, Err: errors.New("over its limit"), Group: b.Groups[0]}
				case pushes%7 == 0:
					return logs.Outcome{Kind: logs.Retry, Err: errors.New("busy")}
				}
				return logs.Outcome{}
			}
			d, _, stop := start(t, s, func(c *Config) { c.BatchSize, c.MaxMemory = 64<<10, 2<<20 })
			l := d.Lane(0)
			var producers sync.WaitGroup
			acks := make([]int, 12)
			var mu sync.Mutex
			for c := range acks {
				producers.Go(func() {
					var draft logs.Draft
					id, n := fmt.Sprint("c", c), 0
					set := labels(id)
					for i := range 40 {
						if err := l.Begin(t.Context(), id, &draft); err != nil {
							t.Error(err)
							return
						}
						time.Sleep(time.Duration((uint64(c*i)+seed)%9) * 10 * time.Millisecond)
						for range (c + i) % 7 {
							draft.Add(set, logs.Entry{Time: int64(n), Line: fmt.Append(nil, id, " line ", n, strings.Repeat("x", i%3*4000))})
							n++
						}
						l.End(id, &draft, func() {
							mu.Lock()
							defer mu.Unlock()
							if acks[c] != i {
								t.Errorf("container %d: ack %d, want %d", c, i, acks[c])
							}
							acks[c]++
						})
						l.Flush()
					}
				})
			}
			producers.Wait()
			d.Close()
			settled(time.Hour)
			stop()
			for c, n := range acks {
				if n != 40 {
					t.Errorf("container %d: %d acks", c, n)
				}
				for i, line := range of(s, fmt.Sprint("c", c)) {
					if want := fmt.Sprint("line ", i); strings.TrimRight(line, "x") != want {
						t.Fatalf("container %d: %.20q, want %q", c, line, want)
					}
				}
			}
			if l.queues.bytes != 0 || l.queues.queued != 0 || l.queues.reserved != 0 {
				t.Errorf("left over: %d held, %d queued, %d reserved", l.queues.bytes, l.queues.queued, l.queues.reserved)
			}
		})
	}
}

// BenchmarkHandOver hands over one line at a time, of fifty containers in turn, as most hosts
// log.
func BenchmarkHandOver(b *testing.B) {
	d := New(Config{Sink: taker{}, Metrics: &counts{}, Log: slog.New(slog.DiscardHandler), Lanes: 1,
		LastOnly: true, BatchWait: time.Millisecond, BatchSize: 1 << 20, MaxMemory: 64 << 20})
	done := make(chan error)
	go func() { done <- d.Run(b.Context()) }()
	var ids []string
	var sets []*logs.Labels
	for i := range 50 {
		ids = append(ids, fmt.Sprint("container", i))
		sets = append(sets, labels(ids[i]))
	}
	line := make([]byte, 200)
	var draft logs.Draft
	ack := func() {}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := i % len(ids)
		if err := d.Lane(0).Begin(b.Context(), ids[k], &draft); err != nil {
			b.Fatal(err)
		}
		draft.Add(sets[k], logs.Entry{Time: int64(i), Line: line})
		d.Lane(0).End(ids[k], &draft, ack)
	}
	d.Close()
	<-done
}

// BenchmarkHangingRead is how long it takes to deliver a line of one container while the read
// of another does not come back.
func BenchmarkHangingRead(b *testing.B) {
	d := New(Config{Sink: taker{}, Metrics: &counts{}, Log: slog.New(slog.DiscardHandler), Lanes: 1, BatchSize: 1 << 20, MaxMemory: 64 << 20})
	done := make(chan error)
	go func() { done <- d.Run(b.Context()) }()
	l, delivered := d.Lane(0), make(chan struct{}, 1)
	var hangs, draft logs.Draft
	if err := l.Begin(b.Context(), "hangs", &hangs); err != nil {
		b.Fatal(err)
	}
	line := make([]byte, 200)
	for i := 0; b.Loop(); i++ {
		if err := l.Begin(b.Context(), "web", &draft); err != nil {
			b.Fatal(err)
		}
		draft.Add(web, logs.Entry{Time: int64(i), Line: line})
		l.End("web", &draft, func() { delivered <- struct{}{} })
		l.Flush()
		<-delivered
	}
	l.End("hangs", &hangs, nil)
	d.Close()
	<-done
}
