// Package diff compares what two Lokis, or two tenants of one, have of the same time.
//
// Streams with equal labels belong together. Of the others some entries are looked for on the
// other side by their time and text, and the streams that have them belong together, too: so
// a stream that has got another label is one stream with a difference, and not two. What
// belongs together is then read once, side by side in the order of time, and compared as
// multisets of time and text; no more is held than a page of each stream.
package diff
