// Package faults holds a test for each fault that users, an audit and outsiders found,
// named after its row: D delivery and input, V seen by an independent verifier, S
// security, P people. They run the whole program, mostly on a data root made by hand,
// as what hurts cannot be had from an engine on demand.
package faults
