// Package survey is what `lighterman compare` tells of a host: what each mode would
// cover and hold there, how fast the logs grow, and what one mode was measured to
// cost. It looks at files and writes nothing.
package survey
