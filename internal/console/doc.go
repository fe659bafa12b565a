// Package console is the sink without a Loki: it prints entries, for people when it writes
// to a terminal and as JSON lines when it writes anywhere else, unless it is told otherwise.
//
// Whatever a container's owner has written, or named, is made harmless before a terminal may
// see it (visible.go, color.go). The width of the terminal is asked for before each batch,
// so nothing has to be told when it changes. Which entries are shown is decided here
// (filter.go) and not before, so that the filter sees what the stages have made.
package console
