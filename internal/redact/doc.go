// Package redact is the one place that keeps secrets out of what is shown: the log, the
// status page, its JSON, and the errors of every subcommand.
package redact
