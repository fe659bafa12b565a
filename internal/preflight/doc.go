// Package preflight tries what a configuration says, for the command check: what run would stumble
// over, what is worth a word, and the configuration's own tests (tests.go). Nothing is sent or
// written.
package preflight
