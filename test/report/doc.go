// Command report reads `go test -json`, from a command that it runs or from its standard
// input, and writes what a person wants to know: a line per package, what the failed have
// written within bounds, every test that was skipped, and which ran when the input ended
// early or a signal came. Its exit code is 1 unless every test has passed.
package main
