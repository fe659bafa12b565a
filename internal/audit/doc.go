// Package audit compares what Docker has stored of a container with what Loki has: which
// entries are in Loki, which are missing, there once more, or with another text.
//
// Both are read in the order of time, side by side. An entry is known by its timestamp and
// its text, which are the same however often it is sent. What one side has and the other has
// not reached is remembered, a bounded number of entries; the order of either side may be
// another as far as that reaches. Beyond it the oldest is taken for missing, or for too much.
//
// The lines of a file of the host have no time of their own. A Sequence compares these: it goes
// along both sides in their order, and where they differ looks for the nearest place at which both
// go on alike.
package audit
