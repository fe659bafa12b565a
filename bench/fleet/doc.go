// Package fleet is the load of a comparison: containers on a real engine, in a mix
// of log drivers, that write lines which can be accounted for, and that stop,
// start, restart and are removed and replaced all the time.
package fleet
