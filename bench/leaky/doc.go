// Command leaky is what lighterman replaces, as far as its leak goes: a collector
// that makes a new Docker client for every inspection and drops it without
// closing it. It is measured beside the others as a reference, and is not meant to
// be used for anything else.
package main
