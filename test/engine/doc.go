// Package engine starts containers on a real Docker Engine for tests: the one
// on the default socket, or a private one that a test may kill.
//
// Containers run test/logwriter from an image imported without a registry, have
// no network, and are named and labelled after the test process; they are
// removed when their test ends, and what a killed test process left behind when
// the next one begins.
package engine
