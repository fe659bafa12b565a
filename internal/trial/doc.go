// Package trial is lighterman with all its parts that read, and none that would leave anything
// behind: for the command compare, which measures what a mode costs on a host.
package trial
