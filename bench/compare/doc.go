// Command compare runs the ways to collect on the same real containers: lighterman
// by stream, by file and hybrid, a reference that leaks, and other collectors that
// are there. It prints the dashboard of package dashboard and writes it to a
// directory. `make compare` and `make soak` run it; it needs root and dockerd.
//
// Package fleet is the containers, of which one after another is stopped, restarted or
// replaced, and which keep count of their lines in files, so that the sink's books can be
// checked whatever happens to Docker's log. Package peer runs collectors, leaky is the
// reference that leaks, and dashboard the report, with the rule of every point and check
// beside its code.
package main
