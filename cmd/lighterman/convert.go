package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/convert"
)

const convertUsage = `Usage: lighterman convert promtail [--expand-env] [-o FILE] FILE
       lighterman convert alloy [-o FILE] FILE
       lighterman convert --positions FILE --state-dir DIR

Writes a configuration of lighterman that means the same as one of Promtail or
Alloy, to standard output. What could not be carried is named on standard error,
with its place, the reason and what to do. The file may be - for standard input.

With --positions, makes lighterman begin in the log of each container, and in
each file of the host, where Promtail or Alloy has stopped, instead of with
--since. Stop both before.

  --output FILE
        Writes to a new file instead, which only its owner can read; -o for short.
  --expand-env
        Replaces ${VAR} and ${VAR:-default}, as Promtail does with
        -config.expand-env=true. In files of Alloy's sys.env is always replaced.
  --positions FILE
        Promtail's positions.yaml, or the positions.yml of Alloy's loki.source.docker
        or loki.source.file.
  --state-dir DIR
        The state directory that lighterman will have.

The exit code is 0 when all was carried, 1 when something was not, and 2 when the
file or the command line is wrong.
`

// origins are the collectors whose configurations are understood.
func origins() []string { return []string{"promtail", "alloy"} }

// conversion is what the command line asks for.
type conversion struct {
	from, file, output  string
	positions, stateDir string
	expand              bool
}

// convertCommand makes a configuration of another collector's, or takes over its positions.
func convertCommand(_ context.Context, args, environ []string, stdout, stderr io.Writer) int {
	return convertFrom(args, environ, os.Stdin, stdout, stderr)
}

func convertFrom(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parseConversion(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return printed(stdout, stderr, convertUsage)
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "%s; \"lighterman help convert\" says more\n", escapedLines(err))
		return exitUsage
	case c.positions != "":
		return takeOver(c, stdin, stdout, stderr)
	}
	data, err := readInput(c.file, stdin)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "cannot read the configuration: %s\n", escapedLines(err))
		return exitUsage
	}
	result, err := c.convert(data, environ)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, escapedLines(err))
		return exitUsage
	}
	for _, f := range result.Findings {
		_, _ = fmt.Fprintln(stderr, console.Escaped(f.Text(c.file)))
	}
	if code := c.write(result, stdout, stderr); code != 0 {
		return code
	}
	if !result.Whole() {
		return exitFailure
	}
	return 0
}

// parseConversion reads the command line. Flags may stand before and behind the file.
func parseConversion(args []string) (c conversion, err error) {
	flags := flag.NewFlagSet("convert", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.output, "o", "", "")
	flags.StringVar(&c.output, "output", "", "")
	flags.BoolVar(&c.expand, "expand-env", false, "")
	flags.StringVar(&c.positions, "positions", "", "")
	flags.StringVar(&c.stateDir, "state-dir", "", "")
	var words []string
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return c, err
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	kinds := origins()
	switch {
	case c.positions != "" && len(words) > 0:
		return c, fmt.Errorf("--positions takes no further words, found %q", words[0])
	case c.positions != "" && c.stateDir == "":
		return c, errors.New("--positions needs --state-dir, the state directory that lighterman will have")
	case c.positions != "":
		return c, nil
	case c.stateDir != "":
		return c, errors.New("--state-dir needs --positions")
	case len(words) == 0 || !slices.Contains(kinds, words[0]):
		return c, errors.New("expected promtail or alloy, and then a file")
	case len(words) != 2:
		return c, fmt.Errorf("expected one file, found %d", len(words)-1)
	case words[0] == "alloy" && c.expand:
		return c, errors.New("--expand-env is for promtail; in files of Alloy's sys.env is always replaced")
	}
	c.from, c.file = words[0], words[1]
	return c, nil
}

func (c conversion) convert(data []byte, environ []string) (*convert.Result, error) {
	lookup := func(name string) (value string, set bool) {
		for _, line := range environ {
			if key, v, _ := strings.Cut(line, "="); key == name {
				value, set = v, true
			}
		}
		return value, set
	}
	if c.from == "alloy" {
		name, err := os.Hostname()
		if err != nil {
			name = "" // an expression that asks for it is named
		}
		return convert.Alloy(c.file, data, convert.Host{Lookup: lookup, Name: name})
	}
	return convert.Promtail(c.file, data, convert.Expand{On: c.expand, Lookup: lookup})
}

// escapedLines is an error, of several lines maybe, that may hold what stands in the file.
func escapedLines(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = console.Escaped(line)
	}
	return strings.Join(lines, "\n")
}

// maxInput bounds a file that is read, in bytes.
const maxInput = 64 << 20

func readInput(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(filepath.Clean(name))
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("%s is larger than 64 MiB", name)
	}
	return data, err
}

// write writes the configuration. What it may hold is nobody else's to read, and a file that
// is there is not replaced.
func (c conversion) write(r *convert.Result, stdout, stderr io.Writer) int {
	if c.output == "" {
		return printed(stdout, stderr, r.Config)
	}
	f, err := os.OpenFile(filepath.Clean(c.output), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(r.Config)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "cannot write the configuration: %s\n", escapedLines(err))
		return exitFailure
	}
	return 0
}

// takeOver writes positions into the state directory of a lighterman that does not run.
func takeOver(c conversion, stdin io.Reader, stdout, stderr io.Writer) int {
	data, err := readInput(c.positions, stdin)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "cannot read the positions: %s\n", escapedLines(err))
		return exitUsage
	}
	list, found, err := convert.Positions(c.positions, data)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, escapedLines(err))
		return exitUsage
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	store, err := checkpoint.Open(c.stateDir, log)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, escapedLines(err))
		return exitFailure
	}
	defer func() { _ = store.Close() }()
	known := func(id string) bool { _, known := store.Get(id); return known }
	made, more := convert.TakeOver(list, known, store.Commit)
	code := 0
	for _, f := range append(found, more...) {
		_, _ = fmt.Fprintln(stderr, console.Escaped(f.Text(c.positions)))
		if !f.Note {
			code = exitFailure
		}
	}
	if err := store.Save(); err != nil {
		_, _ = fmt.Fprintf(stderr, "cannot write the positions: %s\n", escapedLines(err))
		return exitFailure
	}
	if failed := printed(stdout, stderr, fmt.Sprintf("took over %d positions\n", made)); failed != 0 {
		return failed
	}
	return code
}
