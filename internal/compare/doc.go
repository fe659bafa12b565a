// Package compare is what `lighterman compare` says of a host: what each mode would cover
// and hold there, how fast the logs grow, and what one mode was measured to cost. It looks
// at files and processes, and writes nothing.
package compare
