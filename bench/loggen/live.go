package loggen

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lighterman/lighterman/bench/line"
)

// Live writes lines at a steady rate.
type Live struct {
	Seed uint64
	// Rate is the number of lines per second and container.
	Rate float64
	// Every is the share of the containers that write: one in so many; 0 for all.
	Every int
	// Duration is how long to write, and Lines how many lines in all; 0 for no
	// bound.
	Duration time.Duration
	Lines    int
}

// Run writes to the logs until its bounds are reached or ctx is done, one write per
// line as Docker does, and enters the lines in the ledger. A line's number and its
// record's timestamp go on from what the ledger has.
func (l *Layout) Run(ctx context.Context, ledger line.Ledger, o Live) (err error) {
	var writers []*writer
	defer func() {
		for _, w := range writers {
			if closed := w.file.Close(); err == nil {
				err = closed
			}
		}
	}()
	for i := 0; i < l.Containers; i += max(1, o.Every) {
		w, err := l.open(ledger, i)
		if err != nil {
			return err
		}
		writers = append(writers, w)
	}
	m := line.NewMaker(o.Seed)
	if o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	return write(ctx, m, writers, o.Rate*float64(len(writers)), o.Lines)
}

type writer struct {
	file      *os.File
	container int
	tally     *line.Tally
	last      int64
	record    []byte
}

func (l *Layout) open(ledger line.Ledger, i int) (*writer, error) {
	f, err := os.OpenFile(l.Log(i), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open log: %w", err)
	}
	return &writer{file: f, container: i, tally: ledger.Of(i)}, nil
}

// write lets the writers take turns, so that their lines are spread evenly over
// time.
func write(ctx context.Context, m *line.Maker, writers []*writer, rate float64, lines int) error {
	if len(writers) == 0 || rate <= 0 {
		<-ctx.Done()
		return nil
	}
	began := time.Now()
	for n := 0; lines == 0 || n < lines; n++ {
		due := began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		// A sleep per line would cost more than the line: what is due at its end
		// is written in one go.
		if wait := time.Until(due); wait > 0 {
			select {
			case <-time.After(max(wait, time.Millisecond)):
			case <-ctx.Done():
				return nil
			}
		} else if ctx.Err() != nil {
			return nil //nolint:nilerr // asked to end
		}
		if err := writers[n%len(writers)].write(m); err != nil {
			return fmt.Errorf("cannot write log: %w", err)
		}
	}
	return nil
}

func (w *writer) write(m *line.Maker) error {
	// No two lines of a container have the same time.
	w.last = max(w.last+1, time.Now().UnixNano())
	h := line.Header{Written: w.last, Container: w.container, Number: w.tally.Lines}
	w.record = m.AppendRecord(w.record[:0], h, w.last)
	if _, err := w.file.Write(w.record); err != nil {
		return err
	}
	text, _ := m.Text(h)
	w.tally.Add(text, w.last)
	return nil
}
