package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/bench/dashboard"
	"github.com/lighterman/lighterman/bench/fleet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// options is what the command line says.
type options struct {
	kind, peers, out, commit, command string
	modes                             []string
	window, warmup, interval          time.Duration
	// every is the time between two acts on a container, warmupEvery that during the
	// warm-up: a heap comes to rest after hundreds of acts.
	every, warmupEvery time.Duration
	together           bool
	fleet              fleet.Options
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	report, err := o.measure(ctx)
	if err != nil {
		return err
	}
	if err := report.WriteText(os.Stdout); err != nil {
		return err
	}
	if o.out != "" {
		if err := write(report, o.out); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "the page with plots is %s\n", filepath.Join(o.out, report.Kind+".html"))
	}
	if !report.OK() {
		return fmt.Errorf("not all was shown that had to be")
	}
	return nil
}

func parse(args []string) (*options, error) {
	o := &options{}
	var minutes float64
	var mix, modes string
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.StringVar(&o.kind, "kind", "compare", "compare: modes in turn, each on an engine of its own; soak: all at once, with rotation")
	f.Float64Var(&minutes, "minutes", 3, "minutes that are measured; of each mode when they run in turn")
	f.DurationVar(&o.warmup, "warmup", 20*time.Second, "time before that")
	f.DurationVar(&o.interval, "interval", 2*time.Second, "time between two measurements")
	f.IntVar(&o.fleet.Containers, "containers", 50, "containers at any time")
	f.StringVar(&mix, "mix", "json-file=95,journald=3,syslog=2", "shares of the log drivers in percent")
	f.Float64Var(&o.fleet.Rate, "rate", 10, "lines per second of each container")
	f.DurationVar(&o.every, "every", 3*time.Second, "time between two acts on a container, 0 for none")
	f.DurationVar(&o.warmupEvery, "warmup-every", 0, "the same during the warm-up, 0 for no difference")
	f.Uint64Var(&o.fleet.Seed, "seed", 20251107, "draws the acts")
	f.StringVar(&modes, "modes", "", "stream, file, hybrid, leaky, or names in bench/peers, separated by commas; by default all that are there, and the first three for a soak")
	f.StringVar(&o.peers, "peers", "bench/peers", "directory of the collectors' descriptions")
	f.StringVar(&o.out, "out", "", "directory for the report as text, page and JSON; nothing is written without")
	f.StringVar(&o.commit, "commit", "unknown", "what is measured")
	f.StringVar(&o.command, "command", "", "what the report says it was made by")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if o.fleet.Mix, err = fleet.ParseMix(mix); err != nil {
		return nil, err
	}
	o.window = time.Duration(minutes * float64(time.Minute))
	if o.window <= 0 || o.interval <= 0 || o.fleet.Containers <= 0 || o.fleet.Rate <= 0 {
		return nil, fmt.Errorf("minutes, interval, containers and rate must be above 0")
	}
	if o.warmupEvery == 0 {
		o.warmupEvery = o.every
	}
	switch o.kind {
	case "compare":
	case "soak":
		o.together, o.fleet.Rotate = true, true
	default:
		return nil, fmt.Errorf("unknown kind %q: it is compare or soak", o.kind)
	}
	if modes != "" {
		o.modes = strings.Split(modes, ",")
	}
	if o.command == "" {
		o.command = "go run ./bench/compare " + strings.Join(args, " ")
	}
	return o, nil
}

// write writes the report in all its forms.
func write(r *dashboard.Report, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	for _, form := range []struct {
		ending string
		write  func(*os.File) error
	}{
		{".txt", func(f *os.File) error { return r.WriteText(f) }},
		{".html", func(f *os.File) error { return r.WritePage(f) }},
		{".json", func(f *os.File) error { return r.WriteJSON(f) }},
	} {
		f, err := os.Create(filepath.Join(dir, r.Kind+form.ending))
		if err != nil {
			return fmt.Errorf("cannot write report: %w", err)
		}
		if err := form.write(f); err != nil {
			_ = f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("cannot write report: %w", err)
		}
	}
	return nil
}
