package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/test/lines"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "logwriter:", err)
		code = 2
	}
	stop()
	os.Exit(code)
}

type options struct {
	tag, pattern, streams, sizes string
	first, count, buffer, code   int
	invalid                      int
	rate                         float64
	delay, lag                   time.Duration
	onUSR1, onStdin              bool
	corpus, unterminated, linger bool
	say, traces                  string
	storm                        uint64
	account                      string
}

func run(ctx context.Context, args []string) (int, error) {
	var o options
	f := flag.NewFlagSet("logwriter", flag.ContinueOnError)
	f.BoolVar(&o.onUSR1, "on-usr1", false, "begin when SIGUSR1 arrives")
	f.BoolVar(&o.onStdin, "on-stdin", false, "begin when a line or the end is read from stdin")
	f.DurationVar(&o.delay, "delay", 0, "then begin after this time")
	f.StringVar(&o.tag, "tag", "line", "how numbered lines begin")
	f.IntVar(&o.count, "n", 0, "numbered lines to write; -1: until SIGTERM")
	f.IntVar(&o.first, "first", 0, "number of the first")
	f.StringVar(&o.pattern, "pattern", string(lines.Plain), "plain, json or escapes")
	f.StringVar(&o.streams, "streams", "stdout", "stdout, stderr, alternate or both")
	f.Float64Var(&o.rate, "rate", 0, "lines per second; 0: as fast as possible")
	f.IntVar(&o.buffer, "buffer", 0, "bytes gathered before a write; 0: one write per line")
	f.StringVar(&o.sizes, "sizes", "", "lines of these sizes in bytes, separated by commas")
	f.IntVar(&o.invalid, "invalid", 0, "a line of this many bytes that are not UTF-8")
	f.BoolVar(&o.corpus, "corpus", false, "the corpus of awkward lines")
	f.StringVar(&o.say, "say", "", "this text, as a line")
	f.StringVar(&o.traces, "traces", "", "instead of numbered lines: what a program in this language writes when it fails so often (java, python or go)")
	f.Uint64Var(&o.storm, "storm", 0, "bursts and silences until SIGTERM, drawn from this seed")
	f.StringVar(&o.account, "account", "", "directory to keep count in, as DIR:NUMBER; lines begin with the header of bench/line for container NUMBER and go on where the count is; with -rate, until SIGTERM")
	f.BoolVar(&o.unterminated, "unterminated", false, "end with text without line feed")
	f.DurationVar(&o.lag, "lag", 0, "stay alive for this time, or until SIGTERM")
	f.BoolVar(&o.linger, "linger", false, "stay alive until SIGTERM")
	f.IntVar(&o.code, "exit", 0, "exit code")
	if err := f.Parse(args); err != nil {
		return 2, err
	}
	if err := o.begin(ctx); err != nil {
		return 2, err
	}
	if o.storm != 0 {
		return o.code, runStorm(ctx, o.tag, o.storm)
	}
	if o.account != "" {
		return o.code, runAccount(ctx, &o)
	}
	if err := o.write(ctx); err != nil {
		return 2, err
	}
	if o.linger {
		<-ctx.Done()
	}
	pause(ctx, o.lag)
	return o.code, nil
}

// begin waits for what shall start the writing.
func (o *options) begin(ctx context.Context) error {
	if o.onUSR1 {
		usr1 := make(chan os.Signal, 1)
		signal.Notify(usr1, syscall.SIGUSR1)
		select {
		case <-usr1:
		case <-ctx.Done():
		}
	}
	if o.onStdin {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	pause(ctx, o.delay)
	return nil
}

func (o *options) write(ctx context.Context) error {
	w := newWriter(o.buffer)
	start := time.Now()
	for i := 0; (i < o.count || o.count < 0) && ctx.Err() == nil; i++ {
		if wait := o.until(start, i); wait > 0 {
			if err := w.flush(); err != nil {
				return err
			}
			pause(ctx, wait)
			if ctx.Err() != nil {
				break
			}
		}
		k := o.first + i
		if o.traces != "" {
			if err := w.traced(o.traces, k); err != nil {
				return err
			}
			continue
		}
		if err := w.line(lines.Stream(o.streams, k), lines.Text(o.tag, lines.Pattern(o.pattern), k)); err != nil {
			return err
		}
	}
	for k, field := range strings.FieldsFunc(o.sizes, func(r rune) bool { return r == ',' }) {
		size, err := strconv.Atoi(field)
		if err != nil {
			return fmt.Errorf("cannot read -sizes: %w", err)
		}
		if err := w.line(lines.Stream(o.streams, k), lines.Sized(k, size)); err != nil {
			return err
		}
	}
	if o.invalid > 0 {
		if err := w.line(lines.Stream(o.streams, 0), strings.Repeat("\xff", o.invalid)); err != nil {
			return err
		}
	}
	if o.corpus {
		for k, text := range lines.Corpus() {
			if err := w.line(lines.Stream(o.streams, k), text); err != nil {
				return err
			}
		}
	}
	if o.say != "" {
		if err := w.line(lines.Stream(o.streams, 0), o.say); err != nil {
			return err
		}
	}
	if o.unterminated {
		if err := w.text(lines.Stream(o.streams, 0), lines.Unterminated); err != nil {
			return err
		}
	}
	return w.flush()
}

// until is how long it is until line i is due.
func (o *options) until(start time.Time, i int) time.Duration {
	if o.rate <= 0 {
		return 0
	}
	return time.Until(start.Add(time.Duration(float64(i) / o.rate * float64(time.Second))))
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// writer writes to both streams, a line per write unless it has a buffer.
type writer struct {
	size     int
	out, err *bufio.Writer
}

func newWriter(size int) *writer {
	// A line goes out in one write whenever it fits; Docker reads 16 KiB at a time.
	return &writer{size: size, out: bufio.NewWriterSize(os.Stdout, max(size, 64<<10)), err: bufio.NewWriterSize(os.Stderr, max(size, 64<<10))}
}

func (w *writer) line(stream, text string) error { return w.text(stream, text+"\n") }

// traced writes what a program writes when it fails.
func (w *writer) traced(language string, k int) error {
	alone, together := lines.Traced(language, k)
	for _, text := range append([]string{alone}, together...) {
		if err := w.line("stdout", text); err != nil {
			return err
		}
	}
	return w.flush()
}

func (w *writer) text(stream, text string) error {
	if stream != "stderr" {
		if err := w.put(w.out, text); err != nil {
			return err
		}
	}
	if stream != "stdout" {
		return w.put(w.err, text)
	}
	return nil
}

func (w *writer) put(b *bufio.Writer, text string) error {
	if _, err := b.WriteString(text); err != nil {
		return err
	}
	if b.Buffered() >= w.size {
		return b.Flush()
	}
	return nil
}

func (w *writer) flush() error {
	if err := w.out.Flush(); err != nil {
		return err
	}
	return w.err.Flush()
}
