package main

import (
	"context"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/test/lines"
)

// storm writes bursts of lines of every size to both streams, with silences
// between, until SIGTERM. SIGUSR2 makes a burst that rotates a log again and
// again. Every line proves itself: see lines.Checked.
type storm struct {
	w   *writer
	rng *rand.Rand
	tag string
	run int64
	// k is the number of the next line, all streams together.
	k int
	// began and budget pace a burst, so that Docker's rotation leaves files in
	// place for a while: bytes may be written at rate bytes per second.
	began   time.Time
	written int
}

const (
	burstRate = 2 << 20 // bytes per second
	stormRate = 4 << 20
	// stormTime is how long a burst after SIGUSR2 lasts.
	stormTime = time.Second
)

func runStorm(ctx context.Context, tag string, seed uint64) error {
	s := &storm{w: newWriter(0), rng: rand.New(rand.NewPCG(seed, 0)), tag: tag, run: time.Now().UnixNano()}
	usr2 := make(chan os.Signal, 1)
	signal.Notify(usr2, syscall.SIGUSR2)
	for ctx.Err() == nil {
		if err := s.burst(ctx); err != nil {
			return err
		}
		silence := time.Duration(s.rng.IntN(1200)) * time.Millisecond
		if s.rng.IntN(20) == 0 {
			silence = 4 * time.Second
		}
		select {
		case <-usr2:
			if err := s.storm(ctx); err != nil {
				return err
			}
		case <-time.After(silence):
		case <-ctx.Done():
		}
	}
	if s.rng.IntN(3) == 0 {
		return s.last()
	}
	return nil
}

// burst writes a few lines, rarely many.
func (s *storm) burst(ctx context.Context) error {
	n := 1 + s.rng.IntN(40)
	if s.rng.IntN(15) == 0 {
		n = 400
	}
	s.began, s.written = time.Now(), 0
	for range n {
		if err := s.line(ctx, s.size(), burstRate); err != nil {
			return err
		}
	}
	return nil
}

func (s *storm) storm(ctx context.Context) error {
	s.began, s.written = time.Now(), 0
	for time.Since(s.began) < stormTime && ctx.Err() == nil {
		if err := s.line(ctx, 200+s.rng.IntN(8000), stormRate); err != nil {
			return err
		}
	}
	return nil
}

// size draws the size of a line: mostly that of a log line, sometimes nothing,
// sometimes around the 16 KiB where Docker splits, up to 300 KiB.
func (s *storm) size() int {
	switch n := s.rng.IntN(1000); {
	case n < 20:
		return 0
	case n < 50:
		return 1 + s.rng.IntN(20)
	case n < 60:
		return 16<<10 - 2 + s.rng.IntN(5)
	case n < 64:
		return 32<<10 + s.rng.IntN(20<<10)
	case n < 66:
		return 100<<10 + s.rng.IntN(200<<10)
	case n < 120:
		return 300 + s.rng.IntN(3000)
	}
	return 40 + s.rng.IntN(260)
}

func (s *storm) line(ctx context.Context, size, rate int) error {
	stream := "stdout"
	if s.rng.IntN(3) == 0 {
		stream = "stderr"
	}
	text := lines.Checked(s.tag, s.run, s.k, size)
	s.k++
	s.written += len(text)
	pause(ctx, time.Until(s.began.Add(time.Duration(s.written)*time.Second/time.Duration(rate))))
	return s.w.line(stream, text)
}

// last ends the output in the middle of a line.
func (s *storm) last() error {
	return s.w.text("stdout", lines.Checked(s.tag, s.run, s.k, 80))
}
