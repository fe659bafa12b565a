package loggen

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lighterman/lighterman/bench/line"
)

// Print writes lines as a program in a container does: some to stdout, some to
// stderr, rate per second, 0 for as fast as they are taken; n lines, 0 for no end.
// What it returns has no times: those are the engine's.
func Print(ctx context.Context, stdout, stderr io.Writer, seed uint64, container int, rate float64, n int) (line.Tally, error) {
	m := line.NewMaker(seed)
	var tally line.Tally
	began := time.Now()
	var last int64
	for ctx.Err() == nil && (n == 0 || tally.Lines < n) {
		if rate > 0 {
			due := began.Add(time.Duration(float64(tally.Lines) / rate * float64(time.Second)))
			select {
			case <-time.After(time.Until(due)):
			case <-ctx.Done():
				return tally, nil
			}
		}
		last = max(last+1, time.Now().UnixNano())
		text, toStderr := m.Text(line.Header{Written: last, Container: container, Number: tally.Lines})
		tally.Add(text, 0)
		out := stdout
		if toStderr {
			out = stderr
		}
		if _, err := out.Write(append(text, '\n')); err != nil {
			return tally, fmt.Errorf("cannot write line: %w", err)
		}
	}
	tally.Times = 0
	return tally, nil
}
