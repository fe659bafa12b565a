// Package torture puts a whole host under faults drawn from a seed, many at once,
// and compares what Docker stored with what Loki shows: `make torture`.
package torture
