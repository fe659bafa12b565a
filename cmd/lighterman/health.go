package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/lighterman/lighterman/internal/status"
)

const healthUsage = `Usage: lighterman health [--ready] [flags]

Asks the lighterman that runs, at the address of --listen, whether it is healthy,
and prints its answer. The exit code is 0 if it is, and 1 if it is not or nobody
answers within five seconds. This is the health check of a container, whose image
has no other program. Give it the --listen, or the --config, that run has.

  --ready
        Asks whether it is ready, too: whether the engine or its directory, the
        logs, Loki and the positions are there.
  --ca-file FILE
        Ask with TLS, and trust these authorities. Without it TLS is used where
        --web-config-file has it, and the certificate there is the one to be found.

Health needs no password and no token: who shows none is told one word.
`

// healthCommand asks the lighterman that runs how it is.
func healthCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	const flag = "--ready"
	ask := status.Healthy
	if slices.Contains(args, flag) {
		ask = status.Ready
	}
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == flag })
	key, args, err := parseKey(args)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitUsage
	}
	cfg, code := loadConfig("health", args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	if cfg.Listener.Address == "" {
		_, _ = fmt.Fprintln(stderr, "cannot ask: a lighterman with --listen off answers nobody")
		return exitFailure
	}
	door, err := key.door(cfg)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, cfg.Secrets.Error(err))
		return exitFailure
	}
	answer, ok, err := door.Ask(ctx, ask)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, cfg.Secrets.Error(err))
		return exitFailure
	}
	if code := printed(stdout, stderr, answer); code != 0 || ok {
		return code
	}
	return exitFailure
}
