// Package collect holds the running set of sources against the desired set of
// containers: it starts, stops and switches them, schedules the readers of
// files fairly, and keeps the labels that go with every entry. The timing of
// collection lives here; the reading does not.
package collect
