package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	name := flag.String("phase", "", "how the line in -phases begins")
	phases := flag.String("phases", "", "a `file` to which a line is added: what it took, and what became of the tests")
	failures := flag.String("failures", "", "a `file` to which is added what failed tests said first: for the end of a long log")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	s := newSummary(os.Stdout)
	ok, err := s.run(ctx, flag.Args())
	stop()
	if *phases != "" {
		err = errors.Join(err, appendTo(*phases, s.line(*name, ok && err == nil)+"\n"))
	}
	if *failures != "" {
		err = errors.Join(err, appendTo(*failures, s.firstWords()))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// run reports on a command, or without one on the standard input.
func (s *summary) run(ctx context.Context, command []string) (ok bool, err error) {
	if len(command) == 0 {
		return s.report(ctx, os.Stdin)
	}
	cmd := exec.Command(command[0], command[1:]...) // a signal to stop goes to all of the group
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return false, err
	}
	ok, err = s.report(ctx, out)
	if err != nil || ctx.Err() != nil {
		return false, err
	}
	failed := cmd.Wait()
	s.took, s.cpu = time.Since(began), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	if ok && failed != nil { // else it is said what has failed
		err = fmt.Errorf("%s: %w", cmd, failed)
	}
	return ok, err
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// report reads until the input ends, or ctx does: a reader that waits is left behind then.
func (s *summary) report(ctx context.Context, r io.Reader) (bool, error) {
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
