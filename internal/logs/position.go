package logs

// Position is the place up to which a container's log has been handed over. It
// can be resumed on the file route and on the API route: by offset within the
// file that was read last, and by the time of the newest entry per stream.
type Position struct {
	// File is the place in the file read last; zero when none was.
	File FilePosition `json:"file,omitzero"`
	// Newest is the newest entry handed over, per stream.
	Newest [Streams]Mark `json:"newest"`
	// Last is the timestamp of the entry handed over last, in the order of the
	// log, in Unix nanoseconds: where the clock was set back it is not the
	// newest. 0 when there was none.
	Last int64 `json:"last,omitempty"`
	// Pending is the timestamp of the oldest line whose first parts were read
	// and whose end was not, in Unix nanoseconds; 0 when there is none. A
	// resume by time must begin there.
	Pending int64 `json:"pending,omitempty"`
	// Drained is the start (Unix nanoseconds) of the run whose log has been
	// read to its end through the API; 0 when unknown.
	Drained int64 `json:"drained,omitempty"`
}

// FilePosition is a place in a file that survives its renaming and, by the
// fingerprint, its compression.
type FilePosition struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Fingerprint is the hash of the first line; 0 while that is not complete.
	Fingerprint uint64 `json:"fingerprint"`
	// Offsets is, per stream, the offset in bytes of the first record that
	// has not been handed over. They differ while a stream holds a line whose
	// end has not been read.
	Offsets [Streams]int64 `json:"offsets"`
	// Behind tells, per stream, that entries after this place may have been
	// handed over, through the API or because a line spans two files: reading
	// that is resumed here must leave out what Newest shows to be old.
	Behind [Streams]bool `json:"behind,omitzero"`
}

// Start returns the offset where reading must begin.
func (p FilePosition) Start() int64 { return min(p.Offsets[Stdout], p.Offsets[Stderr]) }

// Mark identifies the newest entry of a stream, by its timestamp as Docker gave it in
// Unix nanoseconds and, since several entries may share a timestamp, by the
// hashes of all entries handed over that have it, in order.
type Mark struct {
	Time   int64    `json:"time"`
	Hashes []uint64 `json:"hashes,omitempty"`
}
