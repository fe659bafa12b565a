// Package outcomes holds tests of what Loki does with a push, against a real
// one, and of what becomes of the lines.
package outcomes
