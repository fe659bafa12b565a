package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/resend"
)

const resendUsage = `Usage: lighterman resend CONTAINER… --since TIME [flags]

Sends what is stored of containers again, with the labels and stages of the
configuration, and all of it that Loki does not have: it is asked first. What is
otherwise now than when it was sent is new to Loki, and is told beforehand.
Containers are given by name, by the beginning of an ID or by service. It runs beside
the service, needs neither its lock nor its address, and moves no position.

  --since DURATION
        Begins so long ago, or at a time such as 2006-01-02T15:04:05Z, or at the
        beginning.
  --until DURATION
        Ends before that. Default: now. What comes later is the service's.
  --to OUTPUT
        The name of one of the outputs. Default: the Loki of loki-url.
  --dry-run
        Says how much would be sent, and how much Loki has. Sends nothing.
  --rules now|then
        The labels and stages of the configuration, or those that were in force when
        lines were written, as --state-dir has them. Default: now.
  --add-label NAME=VALUE
        One more label for all that is sent, which makes streams of their own of it:
        for lines that are too old for the streams that there are. What Loki has
        without it is not sent. May be given several times.
  --blind
        Does not ask what Loki has, and sends everything. Loki shows what it had once.
  --rate SIZE
        At most so many bytes of lines a second; 0 for any number. Default: 1MiB.
  --queries N
        At most so many queries of Loki a second. Default: 10.

Give it the configuration of the service, and run it as the user who may read what
the service reads. Ctrl-C stops it, and it says how to go on. The exit code is 0 when
Loki has all of it, 1 when it has refused something, 2 when something could not be
read or sent, and 130 after Ctrl-C.
`

// resendOptions is what only this subcommand takes.
type resendOptions struct {
	resend.Resending
	// kept are all arguments but the containers and the times, and rest those of run.
	kept, rest []string
}

func parseResend(args []string, now time.Time) (*resendOptions, error) {
	o := &resendOptions{Resending: resend.Resending{Until: now, Rate: 1 << 20, PerSecond: 10, Added: make(map[string]string)}}
	kept := [...]argument{
		textFlag("to", &o.To), switchFlag("dry-run", "", &o.DryRun), switchFlag("blind", "", &o.Blind), rateFlag(&o.PerSecond),
		{long: "rules", value: needed, set: func(text string) error {
			return choice(&o.Then, text, map[string]bool{"now": false, "then": true})
		}},
		{long: "add-label", value: needed, set: func(text string) error { return addLabel(o.Added, text) }},
		{long: "rate", value: needed, set: func(text string) (err error) { o.Rate, err = rate(text); return err }},
	}
	until := sinceFlag(&o.Until, now)
	until.long = "until"
	own := append(make([]argument, 0, len(kept)+2), sinceFlag(&o.Since, now), until)
	for _, a := range kept {
		own = append(own, o.keep(a))
	}
	f := flags{
		own:   own,
		word:  func(text string) error { o.Containers = append(o.Containers, text); return nil },
		check: func() error { return errors.Join(o.problems()...) },
	}
	rest, err := f.parse(args)
	o.rest, o.kept = rest, append(o.kept, rest...)
	return o, err
}

// keep has a flag be among those that are kept.
func (o *resendOptions) keep(a argument) argument {
	set := a.set
	a.set = func(text string) error {
		o.kept = append(o.kept, "--"+a.long)
		if a.value == needed {
			o.kept = append(o.kept, text)
		}
		return set(text)
	}
	return a
}

// problems are those of what is given as a whole.
func (o *resendOptions) problems() (all []error) {
	if len(o.Containers) == 0 {
		all = append(all, errors.New("which container? give its name"))
	}
	switch {
	case o.Since.IsZero():
		all = append(all, errors.New("--since: expected a time to begin at, such as 1h or 2006-01-02T15:04:05Z"))
	case !o.Since.Before(o.Until):
		all = append(all, errors.New("--since and --until: the end is not behind the beginning"))
	}
	if o.DryRun && o.Blind {
		all = append(all, errors.New("--dry-run and --blind exclude each other: what Loki has is known by asking"))
	}
	return all
}

func addLabel(to map[string]string, text string) error {
	name, value, _ := strings.Cut(text, "=")
	if !logs.IsLabelName(name) || value == "" {
		return fmt.Errorf("invalid value %q: expected NAME=VALUE, such as resent=yes", text)
	}
	to[name] = value
	return nil
}

// rate reads how much may be sent in a second.
func rate(text string) (int, error) {
	const most = 1 << 30
	n, err := units.RAMInBytes(text)
	if err != nil || n < 0 || n > most || n > 0 && n < 1<<10 {
		return 0, fmt.Errorf("invalid value %q: expected a size from 1KiB to 1GiB, or 0", text)
	}
	return int(n), nil
}

// resendCommand sends what is stored again.
func resendCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	o, err := parseResend(args, time.Now())
	if err != nil {
		_, _ = fmt.Fprintln(stderr, escapedLines(err)+"\n"+`"lighterman help resend" says more`)
		return exitUsage
	}
	cfg, code := loadConfig("resend", o.rest, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	cfg.Log.Level = max(cfg.Log.Level, slog.LevelWarn)
	log := newLogger(cfg, stderr)
	ctx, stop := untilSignal(ctx, log)
	defer stop()
	report := &resendReport{of: o, out: stdout, progress: progressOn(stderr), lines: stderr, scrub: cfg.Secrets.Scrub, argument: cfg.Secrets.Argument, said: time.Now()}
	o.Begun, o.Progress = report.begin, report.show
	err = resend.Run(ctx, examine.Service{Config: cfg, Log: log, Version: version()}, o.Resending, report.add)
	report.progress.clear()
	report.goOn()
	switch {
	case err != nil && ctx.Err() != nil:
		return exitInterrupted
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "cannot resend: "+escapedLines(cfg.Secrets.Error(err)))
		return exitUsage
	case report.err != nil || report.unread:
		return exitUsage
	case report.refused:
		return exitFailure
	}
	return 0
}

// resendReport writes what becomes of lines that are sent again.
type resendReport struct {
	of       *resendOptions
	out      io.Writer
	progress *progress
	// lines is where the progress is said where there is no terminal, now and then: said is
	// when that was last.
	lines io.Writer
	said  time.Time
	// scrub takes secrets out of a text, and argument out of an argument.
	scrub, argument func(string) string
	// stopped is the container that was not sent to its end; nil for none.
	stopped         *resend.Resent
	unread, refused bool
	err             error // of the first writing that failed
}

func (r *resendReport) printf(format string, args ...any) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.out, format, args...)
	}
}

// begin says what is otherwise than it was.
func (r *resendReport) begin(c *resend.Resent) {
	for _, text := range c.Changes {
		r.progress.clear()
		r.printf("%s: %s\n", console.Escaped(c.Name), console.Escaped(text))
	}
}

// show shows how far it is: always on a terminal, and else now and then.
func (r *resendReport) show(c *resend.Resent) {
	const often = 10 * time.Second
	r.progress.text(func() string { return r.text(c) })
	if r.progress.out == nil && time.Since(r.said) >= often {
		r.said = time.Now()
		_, _ = fmt.Fprintln(r.lines, r.text(c))
	}
}

func (r *resendReport) text(c *resend.Resent) string {
	at := ""
	if c.Reached != 0 {
		at = " up to " + clock(c.Reached)
	}
	return fmt.Sprintf("%s%s: %s", console.Escaped(c.Name), at, r.counts(c))
}

// counts are what there is to say of a container's entries.
func (r *resendReport) counts(c *resend.Resent) string {
	text := fmt.Sprintf("%d entries (%s)", c.Entries, units.BytesSize(float64(c.Bytes)))
	if !r.of.Blind {
		text += fmt.Sprintf(", Loki has %d", c.Had)
	}
	if r.of.DryRun {
		return text + fmt.Sprintf(", %d would be sent", c.New)
	}
	return text + fmt.Sprintf(", %d sent, %d refused", c.Sent, c.Refused)
}

// add takes what has become of a container.
func (r *resendReport) add(c *resend.Resent) error {
	r.progress.clear()
	name := console.Escaped(c.Name)
	if c.Unread != "" {
		r.unread = true
		r.printf("%s: %s\n", name, console.Escaped(c.Unread))
		return r.err
	}
	if !c.Over {
		r.stopped = c
	}
	r.printf("%s: %s\n", name, r.counts(c))
	if c.Damaged > 0 {
		r.unread = true
		r.printf("  %d parts of its log could not be read, or files between others are gone: what stood there was not sent\n", c.Damaged)
	}
	for _, refusal := range c.Refusals {
		r.refused = true
		r.printf("  %d refused as %s, such as that of %s: %s\n  cure: %s\n", refusal.Lines, refusal.Reason,
			refusal.Example.Format(time.RFC3339Nano), console.Escaped(r.scrub(refusal.Message)), resendCure(refusal.Reason))
	}
	return r.err
}

// resendCure is what can be done about lines that are refused.
func resendCure(reason string) string {
	if reason == "too_far_behind" {
		return "Loki takes nothing for a stream that is an hour older than the newest there (max_chunk_age / 2): send it to streams of their own with --add-label resent=yes; see docs/resend.md"
	}
	return dispatch.Cure(reason)
}

// goOn says how to go on where it was stopped.
func (r *resendReport) goOn() {
	if r.stopped == nil {
		return
	}
	since := r.of.Since
	if r.stopped.Reached != 0 {
		since = time.Unix(0, max(r.stopped.Reached, since.UnixNano()))
	}
	args := slices.Concat([]string{
		"lighterman", "resend", r.stopped.Name, "--since", clock(since.UnixNano()), "--until", clock(r.of.Until.UnixNano()),
	}, r.of.kept)
	words, again := make([]string, len(args)), ""
	for i, arg := range args {
		shown := r.argument(arg)
		if shown != arg {
			again = " (give the secrets again)"
		}
		words[i] = shellWord(shown)
	}
	r.printf("stopped; %s is done up to %s; to go on%s:\n%s\n", console.Escaped(r.stopped.Name), clock(since.UnixNano()), again, strings.Join(words, " "))
	if r.stopped.Left > 0 {
		r.printf("and then the containers behind it, with the time as it was: what Loki has is not sent again\n")
	}
}

func clock(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339Nano) }

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[\w./:=@%+,-]+$`)

// shellWord is an argument as a shell takes it.
func shellWord(arg string) string {
	if plainWord.MatchString(arg) {
		return arg
	}
	return console.Escaped("'" + strings.ReplaceAll(arg, "'", `'\''`) + "'")
}
