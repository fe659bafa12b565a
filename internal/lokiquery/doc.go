// Package lokiquery reads what a Loki has: which streams there are, and their entries in the
// order of time, in bounded pages at a bounded rate. What a Loki answers is read as hostile
// input.
//
// Loki gives at most so many entries at once, and has no cursor: the next page begins at a
// time. Entries of one nanosecond may stand on both sides of a page's end, so those at the
// last time of a full page are left for the next one; and a page that has only one time is
// asked for again with more room.
package lokiquery
