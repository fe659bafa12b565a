// Package promtest runs the real Prometheus for tests: one process, on loopback, with its
// data in a temporary directory.
package promtest
