package try

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/rehearsal"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/scan"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
)

// Options say whose lines are taken through the stages, and how many.
type Options struct {
	// Subjects are containers and files; "-" is Stdin.
	Subjects []string
	Stdin    io.Reader
	// Last is how many of the last lines are taken: 0 for all of a file, and for as many of
	// a container as are from Since on. It is zero for any time.
	Last  int
	Since time.Time
	JSON  bool
	// As is what is known of files beside their lines.
	As As
}

// As is a container that the lines of a file are taken for.
type As struct {
	// Name is the container's; the file's where it is empty.
	Name, Image string
	// ContainerLabels are its labels in Docker, Labels those that its lines get in Loki
	// beside the usual ones.
	ContainerLabels, Labels map[string]string
}

// lastDefault is how many lines of a container are taken where nobody says.
const lastDefault = 20

// Run takes lines through the stages, and shows what each stage makes of them. It takes no
// lock, opens no port and writes nothing else.
func Run(ctx context.Context, cfg *config.Config, log *slog.Logger, stdout io.Writer, o Options) error {
	lineStages, err := ruleset.Compile(cfg)
	if err != nil {
		return err
	}
	t := &tryOut{config: cfg, log: log, options: o, stages: lineStages, print: printer(cfg, stdout, o.JSON)}
	defer t.close()
	for _, name := range o.Subjects {
		if isFile(name) {
			err = t.file(ctx, name)
		} else {
			err = t.container(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	return t.print.End()
}

func printer(cfg *config.Config, stdout io.Writer, asJSON bool) rehearsal.Printer {
	if asJSON {
		return rehearsal.NewJSON(stdout)
	}
	return rehearsal.NewText(stdout, console.UseColor(console.ColorOf(string(cfg.Log.Color)), stdout))
}

// isFile reports whether an argument of try is a file: what is called like one, or is there.
func isFile(name string) bool {
	if name == "-" || strings.ContainsRune(name, filepath.Separator) {
		return true
	}
	_, err := os.Stat(name)
	return err == nil
}

// tryOut is what the subjects of one call have in common.
type tryOut struct {
	config  *config.Config
	log     *slog.Logger
	options Options
	stages  *stage.Pipeline
	print   rehearsal.Printer
	// host has the containers, once one was asked for.
	host *scan.Host
}

func (t *tryOut) close() {
	if t.host != nil {
		t.host.Close()
	}
}

// subject makes what is rehearsed of a target.
func (t *tryOut) subject(name string, decided *target.Target, labels map[string]string) *rehearsal.Subject {
	return &rehearsal.Subject{Name: name, Labels: target.WithLabels(decided.Labels, labels), Pipeline: t.stages, MaxLine: t.config.Limits.LineBytes}
}

// notes say what is not as it may be expected of a target.
func notes(decided *target.Target) []string {
	out := decided.Remarks()
	if !decided.Chosen() {
		out = append(out, "lighterman does not collect it: "+decided.Excluded)
	}
	return out
}

// taken is a rehearsal of the last lines, or of all where n is 0.
func (t *tryOut) taken(s *rehearsal.Subject, n int) (take func(rehearsal.Line), end func() (cut bool)) {
	r := rehearsal.Rehearse(s, t.print.Entry)
	if n == 0 {
		return r.Add, func() bool { r.End(); return false }
	}
	last := rehearsal.NewLast(n)
	return last.Add, func() bool {
		cut := last.Each(r.Add)
		r.End()
		return cut
	}
}

// file takes the lines of a file.
func (t *tryOut) file(ctx context.Context, name string) error {
	as := t.options.As
	in, stream := t.options.Stdin, logs.Stdout
	if name != "-" {
		f, err := openLines(name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	labels := maps.Clone(as.Labels)
	if labels["stream"] == logs.Stderr.String() {
		stream = logs.Stderr
	}
	delete(labels, "stream")
	as.Name = cmp.Or(as.Name, strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)))
	if name == "-" && t.options.As.Name == "" {
		as.Name = "stdin"
	}
	decided, err := host.Decide(t.config, t.log, &logs.Container{Name: as.Name, Image: as.Image, Labels: as.ContainerLabels})
	if err != nil {
		return err
	}
	s := t.subject(as.Name, decided, labels)
	if name == "-" {
		name = "standard input"
	}
	t.print.Subject(s, name, notes(decided))
	take, end := t.taken(s, t.options.Last)
	since := t.options.Since
	found, err := rehearsal.Read(ctx, rehearsal.Source{From: in, Stream: stream, Begin: time.Now().Truncate(time.Millisecond), MaxLine: s.MaxLine}, func(l rehearsal.Line) {
		if since.IsZero() || l.Time >= since.UnixNano() {
			take(l)
		}
	})
	end()
	switch {
	case errors.Is(err, context.Canceled): // by Ctrl-C: what came before it is shown
	case err != nil:
		return fmt.Errorf("cannot read %q: %w", name, err)
	}
	if found.Corrupt > 0 {
		t.log.Warn("some of the file is no record and was left out", "file", name, "format", string(found.Format), "stretches", found.Corrupt)
	}
	return nil
}

// openLines opens a file. To open a pipe waits for somebody who writes to it, which no signal
// ends, and to open a device may do something: they are refused before.
func openLines(name string) (*os.File, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read lines: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("cannot read lines: %q is a directory", name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("cannot read lines: %q is no regular file; make it the standard input, and give - in its place", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read lines: %w", err)
	}
	return f, nil
}

// look finds the containers of the host, once.
func (t *tryOut) look(ctx context.Context) (_ *scan.Host, err error) {
	if t.host == nil {
		t.host, err = scan.NewHost(ctx, t.config, t.log)
	}
	return t.host, err
}

// container takes lines of a container, or of all containers of a service.
func (t *tryOut) container(ctx context.Context, name string) error {
	host, err := t.look(ctx)
	if err != nil {
		return err
	}
	found, err := host.Find(name)
	if err != nil {
		return err
	}
	for _, decided := range found {
		c := decided.Container
		route := host.Source.Rules.Route(c)
		s := t.subject(c.Name, decided, t.options.As.Labels)
		t.print.Subject(s, route.Kind.String()+": "+route.Reason, notes(decided))
		n := t.options.Last
		if n == 0 && t.options.Since.IsZero() {
			n = lastDefault
		}
		look := &scan.Log{Host: host, Container: c, Route: route, MaxLine: s.MaxLine, Extent: scan.Extent{Last: n}, Log: t.log}
		if !t.options.Since.IsZero() {
			look.Extent.Since = t.options.Since.UnixNano()
		}
		if n == 0 {
			n = math.MaxInt
		}
		take, end := t.taken(s, n)
		if err := look.Entries(ctx, func(e logs.Entry) {
			if e.Time >= look.Extent.Since {
				take(rehearsal.Line{Time: e.Time, Stream: e.Stream, Text: e.Line})
			}
		}); err != nil {
			return fmt.Errorf("cannot read the log of %q: %w", c.Name, err)
		}
		if end() {
			t.log.Warn("there is no room for so many lines, only the last ones are shown", "container", c.Name)
		}
	}
	return nil
}
