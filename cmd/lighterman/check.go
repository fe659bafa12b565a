package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/lighterman/lighterman/internal/agent"
)

// checkCommand validates a configuration, tries what it says and prints the effective
// one.
func checkCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	const flag = "--live"
	live := slices.Contains(args, flag)
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == flag })
	cfg, code := loadConfig("check", args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	notes, problems := agent.Agent{Config: cfg, Stdout: stdout, Version: version()}.Check(ctx, live)
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
