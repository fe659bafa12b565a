// Command compare runs the ways to collect on the same real containers: lighterman
// by stream, by file and hybrid, a reference that leaks, and other collectors that
// are there. It prints the dashboard of package dashboard and writes it to a
// directory. `make compare` and `make soak` run it; it needs root and dockerd.
package main
