// Package preset knows how the logs of well-known languages and servers are written: which
// lines belong to the one before them, and where level and time are.
package preset
