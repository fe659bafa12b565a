// Package hostfile says which files of the host are collected: those that globs name, and what
// rotation makes of them. A file is a container to whoever collects it: one with a path, whose
// ID begins with a slash.
//
// # Which file is which
//
// Each file is one target for as long as it lives, whatever its name becomes: log is renamed to
// log.1 and read to its end under its first name, and the new log is another target of the
// same labels. So an ID is the path at which a file was found first, its inode, and when it was
// made. What has an ID in the store is known again after a restart, wherever it is.
//
// Rotation is known by names: log.1, log-20261129, log-20261129.gz, log.1.log of log (names.go),
// beside a file that is collected or was. Such a file is
//
//   - known, if it has the inode of one that is: the same file under another name.
//   - a copy, if it has the content of one that is still there, or the beginning of that:
//     copytruncate is at work, or gzip. It is left alone.
//   - the heir, if it has the content of one that is gone: a compressed file, or one that an
//     editor has written anew. Reading goes on there.
//   - new, if it was made after the first start of lighterman: it was made and rotated while
//     nobody looked. It is read, also if no glob has its name.
//   - left alone otherwise, unless a glob has its name.
//
// # copytruncate
//
// Copy and truncation are two events, between which anything may happen. When a reader finds
// that its file was truncated, what the file held gets a record of its own, with the position
// and the spans of that time, before the file is begun anew (Copied, plain.CopyID). The copy is
// looked for at once, and by every look for some time after: it may just be compressed, or
// renamed. It is known by what it holds:
//
//   - It may end before the place up to which the original was read, as lines were written after
//     the copy was made and were read before the truncation. Then it begins as the original did
//     (plain.PlainPosition.Steps) and is the shorter one. What of it is not acknowledged is read
//     again, with the times of the spans.
//   - As long as the file is there and has what the copy has, nothing was truncated yet.
//   - As long as the file has not what was read of it, its reader will find that it was truncated.
//   - An unknown rotated file is new only if it is none of these, nobody has written to it for
//     some seconds, and nothing of its name is missing. A compressed one beside its original is
//     waited for half a minute, and not unpacked again when it is known for a copy (copies.go).
//
// Only what has no name in a directory that was read whole is missing at all (sight.go). What is
// known of a file that is gone and delivered stays under another ID (Left, plain.LeftID) until it
// has been looked for copies once more: it may have been compressed just then.
//
// Names change while a look reads them. So what is missing is gone only if it stays so for a
// moment, and what got a record since a look began is there.
//
// A file that is rotated, read, and was not written to for settled is not wanted any more, and
// costs nothing but its record, which stays as long as the file does.
//
// # What is opened
//
// Nothing but what globs name, and such rotated files beside it. No link is followed below the
// place where a glob's first wildcard is; that place itself may be reached by links that
// nobody else can have made (package beneath). Docker's own logs, the files of systemd's
// journal and what only its owner may read are refused, and said (refuse.go), under rotated names
// as under their own.
//
// # When it is looked
//
// The directories are watched for names that come and go, and all is looked at once a minute.
// A look that is costly makes the next one wait.
package hostfile
