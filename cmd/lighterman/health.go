package main

import (
	"context"
	"fmt"
	"io"

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
	var key key
	ready := false
	own := flags{own: append(key.flags(), switchFlag("ready", "", &ready)), check: key.check}
	cfg, code := configured("health", &own, args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	if cfg.Listener.Address == "" {
		_, _ = fmt.Fprintln(stderr, "cannot ask: a lighterman with --listen off answers nobody")
		return exitFailure
	}
	client, err := key.client(cfg)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, cfg.Secrets.Error(err))
		return exitFailure
	}
	ask := status.Healthy
	if ready {
		ask = status.Ready
	}
	answer, ok, err := client.Ask(ctx, ask)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, cfg.Secrets.Error(err))
		return exitFailure
	}
	if code := printed(stdout, stderr, answer); code != 0 || ok {
		return code
	}
	return exitFailure
}
