// Package pipeline is the parts from a host's containers to one sink: what finds containers, reads
// their logs and delivers the lines, and how these are connected.
package pipeline
