// Package link stands in for a long and narrow way to a server, where the kernel
// has none to offer (sch_netem): a relay of TCP connections which are together as
// fast as the link, and whose bytes are under way for half of a round trip. It is a
// delay line: what is sent meanwhile is under way as well.
//
// What it has not: loss, and the slow start of a connection that has been silent.
package link
