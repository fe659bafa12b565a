// Package loggen writes the logs of containers that do not exist, laid out on disk
// the way Docker does: a backlog, or lines as they come.
package loggen
