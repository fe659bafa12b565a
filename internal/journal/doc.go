// Package journal reads what containers have logged to the host's systemd journal,
// from its files. All containers share the files that are open; each has a Log,
// which is pulled and reads only what the container has written. The journal is
// never written to, and journald is not asked for anything.
//
// # How the journal is read
//
// journald keeps, for every FIELD=value, the chain of the entries that have it. So a
// container's log is the chain of CONTAINER_ID_FULL=…, found through the file's hash table:
// reading costs what that container wrote, one that waits for Loki waits alone, and the
// same readers pull journals and files. All share the open files (journal.Journal: the live
// ones, and archived ones while somebody needs them) and the one inotify instance, which
// watches the journal's directories. journald maps its files and shows its writes four
// times a second; a journal that is busy is polled in rounds like a file.
//
//   - Files are read as they grow. The number of entries is read first and everything else
//     after it, past the cache, so whatever it counts is there; the newest entry of a live
//     file that still looks unwritten is waited for, 3 s, and then counted as corrupt; any
//     other that cannot be read is counted at once. What a read loads is bounded, whatever
//     becomes of it: a text is loaded last, when the entry is known to be a line of the
//     container. pread, not mmap: journald cuts a file when it archives it, and a mapped
//     page that is gone would kill the process.
//   - Entries of others are left out. Anybody may send journald an entry with
//     CONTAINER_ID_FULL. Who has sent it journald says itself: _UID and _COMM have to be
//     the engine's (journal-sender). Both are data that many entries share, so they are
//     looked at once per file and container, and cost nothing per entry.
//   - New files are given to every log when they are seen, by reference. So a file that is
//     archived and vacuumed while a container waits is read all the same, within
//     hold-bytes, which counts for the journal by itself.
//   - The place is an entry, not an offset: number and numbering, boot and monotonic time,
//     wall time, hash (logs.JournalPosition). journald copies entries from /run to /var
//     under other numbers, begins a new numbering when it had to give a file up, and keeps
//     one over boots. Within a file its order counts; across files it is the monotonic
//     clock within a boot, then the number, then that the running boot is the last
//     (journal/order.go).
//   - The API route gives the same entries: journald's time in microseconds, and the text.
//     So a container may change its route; without a place in the journal the marks show
//     what is old. The engine (20.10) leaves out blank lines, and the end of lines of
//     exactly 16 KiB; the journal has them.
//   - docker rm ends nothing. What the engine has sent may be on its way to journald, so a
//     removed container is listened to until it was silent for 10 s. One removed while
//     lighterman was down is looked for by its position.
//   - The route is the journal if the running system's journald writes to a file that can
//     be read and the engine is on this machine, or if the journal has something of the
//     container. An engine built without reading journals keeps a cache, which is read as a
//     file where the journal cannot be: it is there only once the container has started,
//     and its timestamps are others, so a container stays with what it began with.
//
// # The whole journal
//
// With a Selection a Log has all entries of the files, in their order, instead of one chain:
// the host's own journal (host.go). Fields that matches and labels ask for are looked at, the
// text last. What containers have logged is left out, as it is read as theirs. Each entry
// brings its labels along (logs.Extra), which are made once for the same values.
//
// Why not journalctl: a static binary in an empty image has none, its version must match
// the files, and one process for all containers would have to be read on for the fast ones
// while a slow one waits. Why not libsystemd: it needs cgo. XZ, which old systemds use
// where they were built without LZ4, is refused: such entries are counted and logged.
package journal
