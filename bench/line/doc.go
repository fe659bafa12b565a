// Package line makes the log lines that benchmarks carry, and recognises them
// again: each names its container, its number and the time it was written, so
// that the other end can tell what was lost, repeated, reordered or changed, and
// how long it took.
package line
