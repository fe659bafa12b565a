package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/rehearsal"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
)

// TryOptions say whose lines are taken through the stages, and how many.
type TryOptions struct {
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

// As is a container that the lines of a file are taken for, or of a test.
type As struct {
	// Name is the container's; the file's where it is empty.
	Name, Image string
	// ContainerLabels are its labels in Docker, Labels those that its lines get in Loki
	// beside the usual ones.
	ContainerLabels, Labels map[string]string
}

// lastDefault is how many lines of a container are taken where nobody says.
const lastDefault = 20

// Try takes lines through the stages, and shows what each stage makes of them. It takes no
// lock, opens no port and writes nothing else.
func (a Agent) Try(ctx context.Context, o TryOptions) error {
	lineStages, err := stagesOf(a.Config)
	if err != nil {
		return err
	}
	t := &tryOut{agent: a, options: o, stages: lineStages, print: a.printer(o.JSON)}
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

func (a Agent) printer(asJSON bool) rehearsal.Printer {
	if asJSON {
		return rehearsal.NewJSON(a.Stdout)
	}
	return rehearsal.NewText(a.Stdout, console.UseColor(colors[a.Config.Log.Color], a.Stdout))
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
	agent   Agent
	options TryOptions
	stages  *stage.Pipeline
	print   rehearsal.Printer
	// host has the containers, once one was asked for.
	host *lookedAt
}

func (t *tryOut) close() {
	if t.host != nil {
		t.host.close()
	}
}

// subject makes what is rehearsed of a target.
func (t *tryOut) subject(name string, decided *target.Target, labels map[string]string) *rehearsal.Subject {
	return &rehearsal.Subject{Name: name, Labels: withLabels(decided.Labels, labels), Pipeline: t.stages, MaxLine: t.agent.Config.Limits.LineBytes}
}

// withLabels adds labels of Loki's to those that a container has.
func withLabels(of *logs.Labels, more map[string]string) *logs.Labels {
	if len(more) == 0 {
		return of
	}
	set := make(map[string]string)
	for _, l := range of.Pairs {
		set[l.Name] = l.Value
	}
	maps.Copy(set, more)
	metadata := make(map[string]string)
	for _, l := range of.Metadata {
		metadata[l.Name] = l.Value
	}
	out := logs.NewLabels(set, metadata)
	out.Owner, out.Tenant, out.Level = of.Owner, of.Tenant, of.Level && !target.SaysLevel(out)
	if out.Whole = of.Whole; of.Stderr != nil {
		out.Stderr = withLabels(of.Stderr, more)
	}
	return out
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
	decided, err := decide(t.agent.Config, t.agent.Log, as)
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
		t.agent.Log.Warn("some of the file is no record and was left out", "file", name, "format", string(found.Format), "stretches", found.Corrupt)
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

// decide gives labels to a container that is not there.
func decide(cfg *config.Config, log *slog.Logger, as As) (*target.Target, error) {
	rules, err := rulesOf(cfg, log)
	if err != nil {
		return nil, err
	}
	return rules.Decide(&logs.Container{Name: as.Name, Image: as.Image, Labels: as.ContainerLabels}), nil
}
