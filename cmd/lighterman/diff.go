package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/diff"
	"github.com/lighterman/lighterman/internal/endpoint"
)

const diffUsage = `Usage: lighterman diff [flags]

Compares what two Lokis, or two tenants of one, have of the same time, stream by
stream: which lines both have, which only one, and which labels differ. Lines are
alike when their time and text are. Streams with other labels are found by their
lines. Reads both in pages, and writes nothing to them.

Both sides are the Loki of run's flags, as far as they have nothing of their own:
each of loki-url, tenant-id, loki-username, loki-password-file,
loki-bearer-token-file, tls-ca-file, tls-cert-file, tls-key-file, tls-server-name,
tls-insecure-skip-verify and proxy-url may be given for one of them, with left- or
right- before it. A side with a loki-url of its own has nothing of the other's.

  --left-loki-url URL
        The Loki on the left, with or without the path of its API.
  --right-loki-url URL
        The Loki on the right.
  --left-tenant-id NAME
        The tenant on the left.
  --right-tenant-id NAME
        The tenant on the right.
  --left-selector SELECTOR
        Which streams of the left, such as {job="docker"}. Default: all.
  --right-selector SELECTOR
        Which streams of the right. Default: all.
  --since DURATION
        Begins so long ago, or at a time such as 2006-01-02T15:04:05Z. Default: 1h.
  --from TIME
        Begins at a time; the same as --since with one.
  --to TIME
        Ends before a time. Default: a minute ago, as what is newer may be on its way.
  --ignore-label NAME
        A label that makes no difference; may be given several times.
  --metadata
        Structured metadata makes a difference, too.
  --examples N
        So many lines of each stream are shown that only one side has. Default: 3.
  --queries N
        At most so many queries a second on each side. Default: 10.
  --json
        JSON instead of text.

The exit code is 0 when both are the same, 1 when there is a difference, and 2 when
they could not be compared.
`

// diffOptions is what only this subcommand takes.
type diffOptions struct {
	diff.Diff
	sides   [2]map[string]string
	queries float64
	asJSON  bool
}

// settling is how long lines may be on their way.
const settling = time.Minute

func newDiffOptions(now time.Time) *diffOptions {
	o := &diffOptions{queries: 10, sides: [2]map[string]string{{}, {}}}
	o.From, o.To, o.Examples = now.Add(-time.Hour).UnixNano(), now.Add(-settling).UnixNano(), 3
	return o
}

func (o *diffOptions) flags(now time.Time) flags {
	return flags{
		own: []argument{
			jsonFlag(&o.asJSON), switchFlag("metadata", "", &o.Metadata), numberFlag("examples", 0, &o.Examples), rateFlag(&o.queries),
			{"since", "", needed, func(text string) error { return o.since(text, now) }},
			{"from", "", needed, func(text string) error { return at(&o.From, text) }},
			{"to", "", needed, func(text string) error { return at(&o.To, text) }},
			{"ignore-label", "", needed, func(text string) error { o.Ignored = append(o.Ignored, text); return nil }},
		},
		more: o.ofSide,
		check: func() error {
			if o.From >= o.To {
				return errors.New("--from, --since and --to: the end is not behind the beginning")
			}
			return nil
		},
	}
}

// ofSide is a flag of one of the sides; nil where it is none.
func (o *diffOptions) ofSide(name string) *argument {
	for side, values := range o.sides {
		of, is := strings.CutPrefix(name, diff.Side(side).String()+"-")
		switch {
		case !is:
		case of == "selector":
			return &argument{name, "", needed, func(text string) error { o.Selectors[side] = text; return nil }}
		case of == "tls-insecure-skip-verify":
			return &argument{name, "", optional, func(text string) error { values[of] = cmp.Or(text, "true"); return nil }}
		default:
			return &argument{name, "", needed, func(text string) error { values[of] = text; return nil }}
		}
	}
	return nil
}

func (o *diffOptions) since(text string, now time.Time) error {
	since, err := config.ParseSince(text, now)
	if err == nil && (since.Beginning || since.Now) {
		err = errSince
	}
	o.From = now.Add(-since.Age).UnixNano()
	return err
}

func at(to *int64, text string) error {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("invalid value %q: expected a time such as 2006-01-02T15:04:05Z", text)
	}
	*to = t.UnixNano()
	return nil
}

// lokis are the two sides.
func (o *diffOptions) lokis(cfg *config.Config) (out [2]config.Loki, err error) {
	for side := range out {
		if out[side], err = cfg.Side(o.sides[side]); err != nil {
			var problems []error
			for line := range strings.Lines(err.Error()) {
				problems = append(problems, fmt.Errorf("%s: %s", diff.Side(side), strings.TrimSpace(line)))
			}
			return out, errors.Join(problems...)
		}
	}
	return out, nil
}

// diffCommand compares what two Lokis have.
func diffCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	now := time.Now()
	o := newDiffOptions(now)
	l := oneShot{name: "diff", failed: exitUsage, own: o.flags(now)}
	l.run = func(ctx context.Context, cfg *config.Config, log *slog.Logger) (int, error) {
		lokis, err := o.lokis(cfg)
		if err != nil {
			return 0, err
		}
		closeSides, err := endpoint.Sides(&o.Diff, lokis, cfg, version(), log, o.queries)
		if err != nil {
			return 0, err
		}
		defer closeSides()
		report := &diffReport{report: newReport(stdout, stderr, o.asJSON)}
		report.begin(&o.Diff, lokis, cfg.Secrets.Scrub)
		o.Progress = report.progress.show
		err = o.Run(ctx, report.add)
		report.progress.clear()
		if err == nil {
			err = report.end()
		}
		switch {
		case err != nil:
			return 0, fmt.Errorf("cannot compare: %w", err)
		case report.total.Differing > 0:
			return exitFailure, nil
		}
		return 0, nil
	}
	return l.command(ctx, args, environ, stdout, stderr)
}
