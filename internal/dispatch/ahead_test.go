package dispatch

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestReadAhead: a lane holds a few batches of all containers, of which one container has no
// more than two, however much memory there is; and more where the sink serves several pushes.
func TestReadAhead(t *testing.T) {
	const batch = 1 << 20
	for _, test := range []struct {
		name                      string
		containers, pushers, most int
	}{
		{"one container", 1, 1, queueAhead * batch},
		{"many containers", 20, 1, (2 + readAhead) * batch},
		{"many containers, and a sink that is far", 20, 4, (8 + readAhead) * batch},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := New(Config{Metrics: &counts{}, Log: slog.New(slog.DiscardHandler), Lanes: 1, BatchSize: batch, MaxMemory: 64 << 20}).Lane(0)
			l.pace.mostPushers = test.pushers
			for i := 0; ; i = (i + 1) % test.containers {
				if !chunk(t, l, fmt.Sprint(i)) && i == test.containers-1 {
					break
				}
			}
			if held := l.held(); held > test.most+wholeChunk || held < test.most/2 {
				t.Errorf("%d bytes are held, want about %d", held, test.most)
			}
		})
	}
}

// chunk reads a chunk for a container, if there is room.
func chunk(t *testing.T, l *Lane, id string) bool {
	t.Helper()
	var draft logs.Draft
	room, err := l.TryBegin(id, &draft, nil)
	if err != nil {
		t.Fatal(err)
	}
	if room == 0 {
		return false
	}
	line := make([]byte, 1000)
	own := labels(id)
	for size := 0; size < min(room, wholeChunk); size += len(line) {
		draft.Add(own, logs.Entry{Time: int64(size), Line: line})
	}
	l.End(id, &draft, nil)
	return true
}

// TestSetAsideIsNotAhead: what waits for a reason of its own leaves the others their room, and is
// counted as apart for as long as it does.
func TestSetAsideIsNotAhead(t *testing.T) {
	l := New(Config{Metrics: &counts{}, Log: slog.New(slog.DiscardHandler), Lanes: 1, BatchSize: 1 << 20, MaxMemory: 64 << 20}).Lane(0)
	var apart []*segment
	for i := range 20 {
		for range 3 {
			chunk(t, l, fmt.Sprint("aside ", i))
		}
		l.mu.Lock()
		for _, seg := range l.queues.load(1 << 20) {
			l.queues.keep(seg)
			apart = append(apart, seg)
		}
		l.mu.Unlock()
	}
	if l.queues.apart != l.queues.bytes || l.queues.apart < 10<<20 {
		t.Fatalf("%d bytes of %d are apart", l.queues.apart, l.queues.bytes)
	}
	for range 5 {
		if !chunk(t, l, "other") {
			t.Fatal("another container has no room")
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, seg := range apart {
		l.queues.try(seg.queue)
		l.queues.release(seg)
	}
	if l.queues.apart != 0 {
		t.Errorf("%d bytes are still apart", l.queues.apart)
	}
}
