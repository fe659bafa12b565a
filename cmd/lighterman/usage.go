package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/nearest"
)

const usage = `lighterman carries the log of every Docker container on this host to Grafana Loki.

Usage:
  lighterman run [flags]     carry logs until stopped
  lighterman check [flags]   check a configuration, and try what it says
  lighterman try [flags] CONTAINER|FILE...
                             what the stages make of its lines
  lighterman ls [flags]      list containers, and how their logs are read
  lighterman compare [flags] what each mode would cover and cost on this host
  lighterman version         print the version
  lighterman help [command]  print help

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

// commands are the names of the subcommands.
var commands = []string{"run", "check", "try", "ls", "compare", "version", "help"}

// usageError prints the usage where no subcommand was given.
func usageError(stderr io.Writer) int {
	_, _ = io.WriteString(stderr, usage)
	return exitUsage
}

// helpCommand prints the help of a subcommand, or of lighterman.
func helpCommand(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return printed(stdout, stderr, usage)
	}
	switch args[0] {
	case "run":
		return printed(stdout, stderr, runUsage+flagUsage+config.Help())
	case "check":
		return printed(stdout, stderr, checkUsage+flagUsage+config.Help())
	case "ls":
		return printed(stdout, stderr, lsUsage+flagUsage+config.Help())
	case "try":
		return printed(stdout, stderr, tryUsage+flagUsage+config.Help())
	case "compare":
		return printed(stdout, stderr, compareUsage+flagUsage+config.Help())
	case "version":
		return printed(stdout, stderr, versionUsage)
	case "help":
		return printed(stdout, stderr, helpUsage)
	}
	return unknownCommand(args[0], stderr)
}

// unknownCommand names the subcommand that was likely meant. A flag is not
// repeated: its value may be a secret.
func unknownCommand(name string, stderr io.Writer) int {
	if strings.HasPrefix(name, "-") {
		_, _ = io.WriteString(stderr, "flags come after a command, such as lighterman run --mode file\n")
		return exitUsage
	}
	cure := `"lighterman help" lists what there is`
	if near := nearest.Name(name, commands); near != "" {
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
