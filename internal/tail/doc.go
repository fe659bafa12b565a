// Package tail follows the log files of one container through rotation,
// compression, truncation and removal. It is a pull API without goroutines of its
// own: the owner of a Log calls Read.
//
// # How a log is followed
//
// The directory is looked at until two looks agree (tail/snapshot.go). A look goes from the
// highest number to the live file, and back where a rotation came between, so it misses no
// file between two that it sees; all it sees stays open. So a file that is deleted before
// the last look is not lost, and its place is known: it is what the looks have seen that
// orders files, and never their timestamps, which all parts of a long line share and which
// a clock that is set back turns around.
//
// The engine keeps its file open whatever becomes of the name, and makes another only to
// write to it at once. So a file is left only for a newer one that the engine has made and
// filled: not for an empty one, nor for a copy, which begins with a record that the file
// itself has (tail/follow.go). What somebody else has renamed, deleted or replaced is
// followed by its descriptor, by its link, or under another name in its directory, and is
// reported (tail/stray.go); its place among Docker's files is where rotation has left a
// hole (tail/foreign.go), or behind the compressed one that has its number
// (tail/listing.go). A copy that the engine writes on to after the container's restart is
// read less what the marks show to be old.
//
// On resume the file is recognised among the live, rotated and compressed ones by the hash
// of its first line, its inode and the time it was made. Files may be alike to the last
// byte (the parts of one long line): a compressed copy is then found by counting from a
// file that is still there, and else by when it was made and when its original went
// (tail/alike.go). Where that does not decide, reading begins at the oldest that may be
// it, which is counted. If it is gone, that is reported with the times between which lines
// may be lost, and all that is there is read, less what the marks show to be old. A line
// may hold several records, where the line feed between them did not fit on a full disk,
// and zeros where a power failure left blocks unwritten: each whole record is taken, a
// control byte ends one, and what is none is counted. Zeros cost a turn and move the
// position; a hole that the file system knows of is not read. Truncation shows in what
// lies before the offset (tail/guard.go): a json-file's record ends with its time, and of
// frames more is compared. A file that begins again is read from its start with marks that
// know nothing (assemble.Again), so that what comes again has the timestamps of the first
// time.
//
// Nothing that was written while the log was watched is left out by its time. since and
// the marks hold for what was there when the log was opened: up to a place that the
// position keeps (tail/opened.go). The API and the journal have no offsets: there the
// place is the last record, or the numbers of the newest entries, when the log was opened
// (stream/rules.go, journal.rules). The last record of the first opening is in the
// position on every route (logs.Seen), so since ends there also after a change of route.
// Of a log never seen before the engine is therefore not asked by time, as it would leave
// out lines itself, uncounted; one that may be long is asked for its tail.
//
// Files are json-file lines or frames: those of the local driver, and of the cache that the
// engine keeps for drivers it cannot read back. What differs is tail/format.go; rotation,
// compression, hold and resume know nothing of it, and the rotation models write both. In
// frames the length that ends a record stands for the line feed. A frame that is not all
// there is waited for, as long as its file is the live one and its container may write on;
// where the two lengths do not agree, or nothing more will be written, what follows is
// searched for a frame of which all is right. Parts join by the line's id and their number.
// Of a removed container nobody knows the driver any more: the held files show it. The
// local driver makes its directory when the container starts, so until then the one above
// is watched.
package tail
