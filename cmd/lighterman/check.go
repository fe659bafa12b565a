package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/lighterman/lighterman/internal/preflight"
)

// checkCommand validates a configuration, tries what it says and prints the effective
// one.
func checkCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	live := false
	cfg, code := configured("check", &flags{own: []argument{switchFlag("live", "", &live)}}, args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	notes, problems := preflight.Check(ctx, cfg, version(), live)
	for _, text := range slices.Concat(notes, problems) {
		_, _ = fmt.Fprintln(stderr, cfg.Secrets.Scrub(text))
	}
	if code := printed(stdout, stderr, cfg.Effective()); code != 0 {
		return code
	}
	if len(problems) > 0 {
		return exitFailure
	}
	return 0
}
