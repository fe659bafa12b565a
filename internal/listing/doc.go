// Package listing is what `lighterman ls` shows: the containers of a host with
// the way each log is read, as a table for people and as JSON. docs/ls.md
// describes the latter.
package listing
