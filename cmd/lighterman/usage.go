package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/nearest"
)

const usageHead = `lighterman carries the log of every Docker container on this host to Grafana Loki.

Usage:
`

const usageFoot = `
"lighterman run" alone needs no configuration: it prints the logs of all
containers. "lighterman run --loki-url URL" sends them to Loki.
"lighterman help run" lists all flags.
`

const runUsage = `Usage: lighterman run [flags]

Carries logs until it is stopped. The first SIGTERM or Ctrl-C delivers what has
been read and stops, the second stops at once.
`

const checkUsage = `Usage: lighterman check [--live] [flags]

Checks a configuration, runs its tests, and prints the effective one, with the
origin of every value and without secrets. Tries all that can be tried without
sending: that the files are there, that directories can be written, that the
engine's socket may be used. The exit code is 1 when something cannot work or a
test fails, 2 when a value is wrong. Takes the flags of run.

  --live
        Asks the engine and Loki, too. Loki is sent no line.
`

const versionUsage = `Usage: lighterman version

Prints the version of lighterman and of Go, and the platform.
`

const helpUsage = `Usage: lighterman help [command]

Prints help.
`

const flagUsage = `
Every flag, such as --loki-url, is also an environment variable,
LIGHTERMAN_LOKI_URL, and a key of the YAML file, loki-url. Flags win over the
environment, the environment over the file. Lists are a flag several times,
values with commas in the environment, and a list in the file.

`

// usage is the help of lighterman as a whole.
func usage() string { return usageHead + overview() + usageFoot }

// usageError prints the usage where no subcommand was given.
func usageError(stderr io.Writer) int {
	_, _ = io.WriteString(stderr, usage())
	return exitUsage
}

// helpCommand prints the help of a subcommand, or of lighterman.
func helpCommand(_ context.Context, args, _ []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return printed(stdout, stderr, usage())
	}
	c, found := lookUp(args[0])
	switch {
	case !found:
		return unknownCommand(args[0], stderr)
	case c.settings:
		return printed(stdout, stderr, c.usage+flagUsage+config.Help())
	}
	return printed(stdout, stderr, c.usage)
}

// unknownCommand names the subcommand that was likely meant. A flag is not
// repeated: its value may be a secret.
func unknownCommand(name string, stderr io.Writer) int {
	if strings.HasPrefix(name, "-") {
		_, _ = io.WriteString(stderr, "flags come after a command, such as lighterman run --mode file\n")
		return exitUsage
	}
	cure := `"lighterman help" lists what there is`
	if near := nearest.Name(name, commandNames()); near != "" {
		cure = fmt.Sprintf("did you mean %q?", near)
	}
	_, _ = fmt.Fprintf(stderr, "unknown command %q; %s\n", name, cure)
	return exitUsage
}

// printed writes the output of a subcommand, which may be a closed pipe.
func printed(stdout, stderr io.Writer, text string) int {
	if _, err := io.WriteString(stdout, text); err != nil {
		_, _ = fmt.Fprintf(stderr, "cannot write to standard output: %v\n", err)
		return exitFailure
	}
	return 0
}
