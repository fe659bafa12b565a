package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// taker takes everything at once.
type taker struct{}

func (taker) Push(context.Context, *logs.Batch) logs.Outcome { return logs.Outcome{} }

// BenchmarkLane hands over chunks of a thousand lines, of one container and of
// fifty in turn, to a sink that takes everything.
func BenchmarkLane(b *testing.B) {
	for _, containers := range []int{1, 50} {
		b.Run(fmt.Sprint(containers), func(b *testing.B) {
			d := New(Config{Sink: taker{}, Metrics: &counts{}, Log: slog.New(slog.DiscardHandler), Lanes: 1,
				LastOnly: true, BatchWait: time.Millisecond, BatchSize: 1 << 20, MaxMemory: 64 << 20})
			done := make(chan error)
			go func() { done <- d.Run(b.Context()) }()
			var ids []string
			var sets []*logs.Labels
			for i := range containers {
				ids = append(ids, fmt.Sprint("container", i))
				sets = append(sets, labels(ids[i]))
			}
			line := make([]byte, 200)
			var draft logs.Draft
			now := time.Now().UnixNano()
			b.SetBytes(1000 * 200)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := i % containers
				if err := d.Lane(0).Begin(b.Context(), ids[k], &draft); err != nil {
					b.Fatal(err)
				}
				for j := range 1000 {
					draft.Add(sets[k], logs.Entry{Time: now + int64(j), Line: line})
				}
				d.Lane(0).End(ids[k], &draft, func() {})
			}
			d.Close()
			<-done
		})
	}
}
