package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := report(ctx, os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// report reads until the input ends, or ctx does: a reader that waits is left behind then.
func report(ctx context.Context, r io.Reader, w io.Writer) (bool, error) {
	s := newSummary(w)
	done := make(chan error, 1)
	go func() { done <- s.read(r) }()
	select {
	case err := <-done:
		return s.end("when the input ended", time.Time{}), err
	case <-ctx.Done():
		return s.end("when this was told to stop", time.Now()), nil
	}
}

func (s *summary) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			s.take(line)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
