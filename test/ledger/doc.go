// Package ledger compares what Docker has stored of containers with what Loki
// returns: the same lines, each once.
package ledger
