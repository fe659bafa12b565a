// Package plain reads files of plain lines: those of the host, which no driver has written.
// A Log is one file, whatever its name becomes; that rotation makes another file is a matter
// of package hostfile, which says which files there are. It is a pull API without goroutines,
// like package tail's.
//
// # The time of a line
//
// A plain line has no time, and Loki shows a line that comes again with another time twice. So
// the time at which a line is first read is its time for good, and is written down before the
// line is sent: a chunk is read, cut at its last line feed, and recorded as a span: from, to,
// the time of its first line, and a hash of its bytes (logs.Span, checkpoint.Store.Foresee).
// The n-th line of the span is n ns later. One record of some 30 bytes stands for up to
// 256 KiB of lines, and goes to the log of positions by a write without sync: what was written
// survives a kill, and a power cut may lose what the kernel had not written yet, some seconds
// of it. Those lines are then sent again with another time. None is lost by that.
//
// A start that finds spans behind the position reads them first, as they were cut, and times
// the lines as it was written down. A span whose bytes are not what they were is void, and
// all that come after it: the file was written over.
//
//   - A line longer than a chunk begins a span of its own, and each span that goes on with it
//     has its time and ends with it, so the rest of a chunk is never timed by its beginning.
//   - A last line without line feed waits until nothing was added to it for Config.Silence, or
//     the file is removed. That it is over is in the span (Ended), so a second reading ends
//     it in the same place, whatever was added since.
//   - While the sink is away positions do not move, and spans gather. Beyond manySpans a file
//     is read only as often as makes them spread over the time of the oldest (due): a line's
//     time is then off by less than half a percent of how long the sink has been away.
//
// # Which file
//
// A file is known by its inode and when it was made, and by its beginning (up to HeadMost
// bytes) and what lies before the offset. If another file takes its place that begins alike,
// a copy or a compressed one, reading goes on there. If the inode is the same and the beginning or
// what lies before the offset is not, the file was truncated: reading begins anew, and
// Config.Copied looks for the copy that has the rest (copytruncate).
//
// A copy may have been made before the last lines that were read. What it has of a span has the
// times of that, and a line that does not end there was read as a whole (lastOfCopy).
//
// A file that was not written to for idle, and is read, is not open; it is opened again when
// it has changed. One that has no name any more, while another file has its path, is closed when
// nobody writes to it: an editor's file goes on where the one before it was left.
package plain
