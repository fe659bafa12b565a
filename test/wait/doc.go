// Package wait polls for a condition, for what has no event to wait for.
package wait
