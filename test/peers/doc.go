// Package peers holds a test for each thing that users of other log collectors
// have complained about: what hurts there is shown not to happen here, with the
// whole program, a real engine and a real Loki.
//
// Some figures take many minutes to reach. Unless LIGHTERMAN_FULL=1 is set a
// test then uses the smaller one beside it.
package peers
