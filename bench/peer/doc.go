// Package peer runs log collectors for benchmarks: lighterman, and others that
// files in bench/peers describe. It tells what their processes use and hold.
package peer
