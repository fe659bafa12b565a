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
//   - a copy, if it has the content of one that is still there: copytruncate is at work, or
//     gzip. It is left alone.
//   - the heir, if it has the content of one that is gone: a compressed file, or one that an
//     editor has written anew. Reading goes on there.
//   - an heir as well, if a file was truncated and this one has what it held (Copied): it gets a
//     record of its own, with the position and spans of the other one, before that begins anew.
//   - new, if it was made after the first start of lighterman: it was made and rotated while
//     nobody looked. It is read, also if no glob has its name.
//   - left alone otherwise, unless a glob has its name.
//
// A file that is rotated, read, and was not written to for settled is not wanted any more, and
// costs nothing but its record, which stays as long as the file does.
//
// # What is opened
//
// Nothing but what globs name, and such rotated files beside it. No link is followed below the
// place where a glob's first wildcard is; that place itself may be reached by links that
// nobody else can have made (package beneath). Docker's own logs, the files of systemd's
// journal and what only its owner may read are refused, and said (refuse.go).
//
// # When it is looked
//
// The directories are watched for names that come and go, and all is looked at once a minute.
// A look that is costly makes the next one wait.
package hostfile
