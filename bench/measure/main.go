package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/bench/peer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

// options is what the command line says.
type options struct {
	peers, only, scenarios, out   string
	doc, summary, commit, command string
	programs                      map[string]string
	runs                          int
	quick, beside                 bool
	away                          time.Duration
	extra                         []string
}

func run(ctx context.Context, args []string) error {
	if len(args) > 1 && args[0] == "floor" {
		return runFloor(args[1:])
	}
	o := options{programs: make(map[string]string)}
	f := flag.NewFlagSet("measure [flags] [-- arguments for lighterman]", flag.ContinueOnError)
	f.StringVar(&o.peers, "peers", "bench/peers", "directory of the collectors' descriptions")
	f.StringVar(&o.only, "only", "", "collectors to measure, separated by commas; all that are found by default")
	f.StringVar(&o.scenarios, "scenarios", "", "scenarios to play, separated by commas; all by default")
	f.Func("program", "NAME=PATH of a collector's program, instead of one on PATH", func(text string) error {
		name, path, ok := strings.Cut(text, "=")
		if !ok {
			return errors.New("it has the form NAME=PATH")
		}
		absolute, err := filepath.Abs(path)
		o.programs[name] = absolute
		return err
	})
	f.IntVar(&o.runs, "runs", 3, "runs of each, of which the median counts")
	f.BoolVar(&o.quick, "quick", false, "a minute's worth, and one line at the end")
	f.StringVar(&o.out, "out", "", "directory for runs.csv, table.md and charts; nothing is written without")
	f.StringVar(&o.doc, "doc", "", "document whose measured part is replaced by the table")
	f.BoolVar(&o.beside, "beside", false, "hold lighterman against the others: what arrived beside what it cost")
	f.DurationVar(&o.away, "away", time.Minute, "how long Loki is away in loki-away")
	f.StringVar(&o.summary, "summary", "", "document whose part measured beside others is replaced by one table of all")
	f.StringVar(&o.command, "command", "", "what measures the same again, for the table of -beside")
	f.StringVar(&o.commit, "commit", "unknown", "what is measured")
	if err := f.Parse(args); err != nil {
		return err
	}
	o.extra = f.Args()
	return o.measure(ctx)
}

func (o *options) measure(ctx context.Context) error {
	peers, err := o.found()
	if err != nil {
		return err
	}
	chosen := o.chosen()
	if o.scenarios != "" {
		names := strings.Split(o.scenarios, ",")
		chosen = slices.DeleteFunc(chosen, func(s scenario) bool { return !slices.Contains(names, s.name) })
	}
	if err := pinSelf(); err != nil {
		return err
	}
	book := &book{commit: o.commit, machine: machine(), beside: o.beside}
	if o.beside {
		slices.SortStableFunc(peers, func(a, b *peer.Peer) int { return rank(a.Name) - rank(b.Name) }) // lighterman first
		book.command, book.versions = o.command, o.versions(peers)
	}
	var failed []error
	for _, s := range chosen {
		// One that fails does not keep the others from being measured.
		if err := o.playAll(ctx, s, peers, book); err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := book.write(o); err != nil {
		return err
	}
	return errors.Join(failed...)
}

// chosen returns the scenarios of the kind that was asked for.
func (o *options) chosen() []scenario {
	switch {
	case o.beside && o.quick:
		return smaller(besideScenarios(min(o.away, 5*time.Second)))
	case o.beside:
		return besideScenarios(o.away)
	case o.quick:
		return quick()
	}
	return scenarios()
}

// found returns the collectors whose programs are there, and says which are not.
func (o *options) found() ([]*peer.Peer, error) {
	all, err := peer.Load(o.peers)
	if err != nil {
		return nil, err
	}
	var out []*peer.Peer
	for _, p := range all {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), p.Name) {
			continue
		}
		if o.programs[p.Name] == "" {
			path, err := exec.LookPath(p.Program)
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s is left out: no program %s on PATH\n", p.Name, p.Program)
				continue
			}
			o.programs[p.Name] = path
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, errors.New("cannot measure: no collector's program is there")
	}
	return out, nil
}
