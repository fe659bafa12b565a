package main

import "io"

// checkCommand validates a configuration and prints the effective one.
func checkCommand(args, environ []string, stdout, stderr io.Writer) int {
	cfg, code := loadConfig("check", args, environ, stdout, stderr)
	if cfg == nil {
		return code
	}
	return printed(stdout, stderr, cfg.Effective())
}
