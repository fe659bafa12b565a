// Package logs is the vocabulary of lighterman: containers, targets, entries,
// batches, positions and what a sink answers. It imports nothing internal, so
// every other package can speak it.
package logs
