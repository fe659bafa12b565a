// Package console is the sink without a Loki: it prints entries, for people
// when it writes to a terminal and as JSON lines when it writes anywhere else.
package console
