// Package conformance has what every source of lines must be able to do, in one table: each
// case is played on each source, with real containers, their real logs or a real journald,
// and a real lighterman, and in the end what was written is compared with what has arrived.
package conformance
