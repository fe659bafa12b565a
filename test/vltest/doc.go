// Package vltest runs the real VictoriaLogs for tests, and asks it what it has.
package vltest
