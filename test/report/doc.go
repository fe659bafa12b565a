// Command report reads `go test -json` and writes what a person wants to know:
// a line per package, the output of what failed, and every test that was
// skipped. Its exit code is 1 when a test failed or was skipped.
package main
