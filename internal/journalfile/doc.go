// Package journalfile reads the files of systemd's journal, also while journald
// writes to them. It is pure: an io.ReaderAt in, entries out. Everything that a
// file says is checked before it is used.
//
// The format is that of systemd's document "Journal File Format": a header, and
// objects that refer to each other by offset. A DATA object holds one
// FIELD=value; all entries that have it hang on it, in the order in which they
// were written. So of what one container has logged nothing else need be looked
// at. Both layouts are read (regular, and compact with 32-bit offsets), both
// hashes (keyed and not), and data that is plain or compressed by zstd or LZ4. XZ,
// which old systemds use where they were built without LZ4, is refused.
package journalfile
