package logs

// PartSize is the number of bytes after which Docker splits a line that has no
// line feed yet into parts, counted in the bytes that the container wrote.
const PartSize = 16 << 10

// Record is what a log driver stored at once: a whole line, or a part of one.
type Record struct {
	// Time is Docker's timestamp in Unix nanoseconds. All parts of a line
	// share it, except with the journald driver.
	Time   int64
	Stream Stream
	// Text ends in a line feed when the record is a whole line or its last part.
	Text []byte
	// ASCII tells that Text is known to be all ASCII, so that it need not be checked for
	// bytes that are no UTF-8.
	ASCII bool
	// Offset is where the record starts in its file, in bytes; 0 on the API route.
	Offset int64
	// Line and Ordinal say which part of which line this is, where the driver
	// has stored that: a number that all parts of a line share and no other line
	// has, and the place of the part, from 1. Both are 0 otherwise.
	Line    uint64
	Ordinal int32
	// Extra is what its entry has of its own; nil for nothing.
	Extra *Extra
}
