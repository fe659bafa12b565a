// Package hold keeps the log files that Docker deletes until they are
// delivered: while we run by their open descriptors, within a bound of bytes
// over all logs, and beyond our own end by hard links in a directory of ours.
// It knows nothing of what is in the files.
//
// # How files are kept
//
// A file that Docker has deleted lives on by our descriptor, or by a hard link
// hold-dir/ID/NUMBER-INODE that is made of the very descriptor when a file is opened.
// hold.Hold knows the files of all logs. A file counts for hold-bytes when no name but our
// own is left; the live one does not, as long as its directory exists, since the engine has
// it open too. Files are looked at when rotation is seen, when a directory goes and when a
// file has been read to its end: reading itself makes no system call for it.
//
//   - Given up is the file that was written to longest ago, over all logs, and within a log
//     the oldest. It is closed at once, or at the end of the read it is in; before that,
//     the same content compressed is taken if Docker has it. A line whose parts lie on both
//     sides of the gap is not joined, and no position points into the gap.
//   - Order is the number. Docker deletes its oldest file first, so at the start the files
//     of a log are the held ones that Docker has no more, by number, and then Docker's; a
//     .gz with the content of a held file is that file. A file older than one that is
//     linked already is linked where the number before that one's is free: a file that has
//     lost its name before it could be linked has left it free, and is there compressed.
//   - A link goes after the acknowledgement of everything in its file, when a newer file is there
//     and the position is on disk in both generations (an older one, which serves when the
//     newest is damaged, may speak of a line that began in it), or when the container is
//     gone and all is delivered; then the position goes, last, because links without one
//     would be delivered again. Beside the links about keeps the labels (hold/about.go):
//     where the positions are lost, what is sent again has the labels of the first time,
//     and Loki knows it. A file needed by a line held back stays.
//   - Whatever kill −9 leaves is a state of its own: a link of a delivered file lies before
//     the position and is released by the first acknowledgement; an empty directory is removed; a
//     file and its compressed successor under one number are one; a missing link is a file
//     that rotation took. Links of a container that the engine does not know any more are
//     collected to their end, with the labels in the checkpoint, once the set of containers
//     is known.
//   - Locks: a log's, then its box's turn, then the Hold's, which is held over no system
//     call. An owner is called with none of them. All names are
//     looked up below descriptors; symbolic links, foreign names and directories others may
//     write to are not used. One process, by flock.
package hold
