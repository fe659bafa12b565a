// Package host is what there is to read on a host, as a configuration has it: the containers of an
// engine or of its directory (source.go), its journal, files of the host (files.go) and sections of
// its journal (journals.go) that are collected as containers are, and what keeps deleted files
// (hold.go). It says how each would be read (list.go), and reads none.
package host
