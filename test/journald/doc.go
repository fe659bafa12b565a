// Package journald runs a real journald for one test, in a mount namespace of its
// own: the machine's is left alone, and this one may be rotated, flushed and killed.
package journald
