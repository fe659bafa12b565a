package examine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/scan"
	"github.com/lighterman/lighterman/internal/target"
)

// Scope says what of what is stored is held against what Loki has.
type Scope struct {
	// Names are containers' names, beginnings of their IDs or services, paths of files of the
	// host, or sections of its journal as journal:NAME; empty for all that is collected.
	Names []string
	// Containers leaves out what is of the host, unless names are its. Anyhow says that it makes no
	// difference how far the service is.
	Containers, Anyhow bool
	// Outputs are the outputs that are compared, FirstOutput for that of loki-url; empty for all.
	Outputs []string
	// Since is the time from which on lines count.
	Since time.Time
	// PerSecond bounds the queries in a second. Patience is how long a Loki that has answered
	// before is asked on; 0 for no longer than one that has not.
	PerSecond float64
	Patience  time.Duration
	// Progress is called often; it may be nil.
	Progress func(scan.Progress)
}

// ErrNoLoki is the error of what needs a Loki and has none.
var ErrNoLoki = errors.New("there is no Loki: set loki-url")

// ErrNotAsked is the error of what asks an output that cannot be asked.
var ErrNotAsked = errors.New("lines go over OTLP, which has no way to ask a receiver what it has: only a Loki can be asked")

// FirstOutput is what the output of loki-url is called beside others.
const FirstOutput = "loki-url"

// Service is the service whose logs are examined, as it is configured.
type Service struct {
	Config  *config.Config
	Log     *slog.Logger
	Version string
}

// Examiner holds what is stored against what one output has, one log after the other. It reads
// the state directory beside the service that uses it, and writes nothing.
type Examiner struct {
	Scope Scope
	// Service has the configuration of the output, whose name is empty for the first one.
	Service Service
	Output  string
	Host    *scan.Host
	hosts   hosts
	// View is what the state directory has, and Force which stages were in force when.
	View  *checkpoint.View
	Force *ruleset.InForce
	// Loki is that of the output.
	Loki *Loki
	// OwnNames are the labels by which a container's entries are found.
	OwnNames []string
	floor    int64
	// Now is when it began, and Done how far all of it is.
	Now  time.Time
	Done *scan.Progress
}

// Each has one called for each log, of each output.
func Each(ctx context.Context, by Service, of Scope, one func(*Examiner, context.Context, *Subject) error) error {
	outputs, err := by.Config.Named(of.Outputs)
	if err != nil {
		return err
	}
	if by.Config.Loki.URL == nil && len(of.Outputs) == 0 {
		outputs = outputs[1:] // the terminal
	}
	if len(outputs) == 0 || outputs[0] == nil && by.Config.Loki.URL == nil {
		return ErrNoLoki
	}
	if outputs, err = by.asked(outputs, len(of.Outputs) > 0); err != nil {
		return err
	}
	force, err := ruleset.Was(by.Config.PositionsDir(), by.Config, by.Log)
	if err != nil {
		return err
	}
	host, err := scan.NewHost(ctx, by.Config, by.Log)
	if err != nil {
		return err
	}
	defer host.Close()
	var problems []error
	done := &scan.Progress{}
	for _, out := range outputs {
		x := &Examiner{Scope: of, Service: by, Host: host, Force: force, Now: time.Now(), Done: done}
		x.Service.Config = by.Config.WithOutput(out, 1)
		x.Loki = newLoki(x.Service, of)
		if out != nil {
			x.Output = out.Name
		}
		err := x.all(ctx, by.Config.PositionsDir(), one)
		switch {
		case ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case err != nil && x.Output != "":
			err = fmt.Errorf("output %s: %w", x.Output, err)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// asked returns the outputs that can be asked what they have. It is an error that one cannot
// that was named, or that none can; of others it is said.
func (s Service) asked(outputs []*config.Output, named bool) (out []*config.Output, err error) {
	for _, o := range outputs {
		of, name := &s.Config.Loki, "otlp-url"
		if o != nil {
			of, name = &o.Loki, "output "+o.Name
		}
		switch {
		case of.OTLP == nil:
			out = append(out, o)
		case named:
			return nil, fmt.Errorf("%s: %w", name, ErrNotAsked)
		default:
			s.Log.Warn("an output is left out, as it cannot be asked what it has", "output", name, "reason", ErrNotAsked)
		}
	}
	if len(out) == 0 {
		return nil, ErrNotAsked
	}
	return out, nil
}

// all has one called for each log.
func (x *Examiner) all(ctx context.Context, own string, one func(*Examiner, context.Context, *Subject) error) error {
	defer x.close()
	if err := x.prepare(own); err != nil {
		return err
	}
	all, err := x.subjects()
	if err != nil {
		return err
	}
	x.Done.Containers += len(all)
	for _, s := range all {
		x.Done.Container = s.Title
		if err := one(x, ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.Title, err)
		}
		x.Done.Done++
	}
	if !x.Loki.asked() {
		return x.Loki.reachable(ctx, x.Now)
	}
	return nil
}

func (x *Examiner) close() {
	x.hosts.close()
	x.Loki.close()
}

// prepare looks at what the service knows. own is the state directory of all outputs.
func (x *Examiner) prepare(own string) (err error) {
	cfg := x.Service.Config
	x.View = &checkpoint.View{}
	if dir := cfg.PositionsDir(); dir != "" {
		if x.View, err = checkpoint.Look(dir); err != nil {
			return err
		}
		if len(x.View.Records) == 0 && !x.Scope.Anyhow {
			x.Service.Log.Warn("there are no positions in the state directory: what is not in Loki counts as missing, also if it was never to be sent; give the service's --state-dir", "dir", dir)
		}
	}
	if !x.View.Born.IsZero() {
		x.floor = cfg.Reading.Since.Floor(x.View.Born, x.Now)
	}
	names := target.Names(cfg.Labels.Renamed)
	host := "host"
	if other, renamed := cfg.Labels.Renamed[host]; renamed {
		host = other
	}
	x.OwnNames = []string{names.Own()[0], host}
	if names.Own()[0] == "" {
		x.OwnNames = nil
	}
	hosts := func(name string) bool { return strings.HasPrefix(name, "/") || logs.IsHostJournal(name) }
	if x.Scope.Containers && !slices.ContainsFunc(x.Scope.Names, hosts) {
		return nil
	}
	return x.hosts.look(x, own)
}

// Took counts a line, and says now and then how far it is.
func (x *Examiner) Took() {
	const often = 1024
	if x.Done.Lines++; x.Done.Lines%often == 0 && x.Scope.Progress != nil {
		x.Scope.Progress(*x.Done)
	}
}
