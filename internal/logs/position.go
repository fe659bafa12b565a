package logs

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// Position is the place up to which a container's log has been handed over. It
// can be resumed on the file route and on the API route: by offset within the
// file that was read last, and by the time of the newest entry per stream.
type Position struct {
	// File is the place in the file read last; zero when none was.
	File FilePosition `json:"file,omitzero"`
	// Newest is the newest entry handed over, per stream.
	Newest [Streams]HighWaterMark `json:"newest"`
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
	// Journal is, per stream, the entry of the systemd journal up to which, and
	// with which, everything was handed over; zero when the log was not read from
	// the journal last. They differ while a stream holds a line whose end has
	// not come.
	Journal [Streams]JournalPosition `json:"journal,omitzero"`
	// Rest is, per stream, the line that was cut for being too long, and whose end has
	// not come: what is left of it is passed over. Zero for none.
	Rest [Streams]Rest `json:"rest,omitzero"`
	// Since is the time in Unix nanoseconds before which lines are left out, of what was
	// in the log when it was first opened; 0 for none.
	Since int64 `json:"since,omitempty"`
	// Opened is the end of the log when it was opened. Only before that may a line be
	// left out by its time: what comes after was written while somebody looked, and
	// clocks are set. Zero when it is not known.
	Opened Place `json:"opened,omitzero"`
	// Seen is the last record that the log had when it was first opened, on whatever route:
	// where Since ends once the route has changed. Zero when it is not known.
	Seen Seen `json:"seen,omitzero"`
	// Stages is, per stream, what the configuration's stages remember of the lines before
	// this place; empty for nothing.
	Stages [Streams][]byte `json:"stages,omitzero"`
	// Plain is what is needed beside File where that is a file of the host.
	Plain PlainPosition `json:"plain,omitzero"`
}

// Seen is a record by which a place in a log is found again: by its timestamp and, if that
// is not 0, the hash of its text. A time of 0 is that of a log that was empty.
type Seen struct {
	Known bool   `json:"known"`
	Time  int64  `json:"time,omitempty"`
	Hash  uint64 `json:"hash,omitempty"`
	// Past tells that everything up to this record was read, and Ahead that it has to come
	// again: the place in the file, or in the journal, lies before it.
	Past  bool `json:"past,omitempty"`
	Ahead bool `json:"ahead,omitempty"`
}

// Is reports whether a record is the one.
func (s Seen) Is(r *Record) bool {
	return s.Known && r.Time == s.Time && (s.Hash == 0 || xxhash.Sum64(r.Text) == s.Hash)
}

// Empty reports whether there was nothing in the log.
func (s Seen) Empty() bool { return s.Known && s.Time == 0 }

// Rest is what is left of a line: its timestamp, and where the driver has stored them its
// number and the place of the part that was read last.
type Rest struct {
	Time    int64  `json:"time"`
	Line    uint64 `json:"line,omitempty"`
	Ordinal int32  `json:"ordinal,omitempty"`
}

// Place is an offset in bytes in one of a log's files. A fingerprint of 0 is that of a
// file that had no whole record.
type Place struct {
	Device      uint64 `json:"device"`
	Inode       uint64 `json:"inode"`
	Fingerprint uint64 `json:"fingerprint,omitempty"`
	Offset      int64  `json:"offset,omitempty"`
}

// Latest is the newest timestamp that was handed over, in Unix nanoseconds; 0 when
// nothing was.
func (p *Position) Latest() int64 {
	return max(p.Last, p.Newest[Stdout].Time, p.Newest[Stderr].Time)
}

// Held is what a log holds back because its end has not come.
type Held struct {
	// Lines are the timestamps of lines, per stream, in Unix nanoseconds; 0 for none.
	Lines [Streams]int64
	// Rest is where the log's last file ends, in bytes, if it ends in an incomplete
	// record; 0 otherwise.
	Rest int64
}

// JournalPosition identifies an entry of the systemd journal, whatever file it is
// in.
type JournalPosition struct {
	// SeqnumID says whose number Seqnum is.
	SeqnumID ID128  `json:"seqnum_id"`
	Seqnum   uint64 `json:"seqnum"`
	// Boot, and Monotonic in microseconds since then, is when journald received
	// it; so is Realtime, in Unix microseconds.
	Boot      ID128  `json:"boot"`
	Monotonic uint64 `json:"monotonic"`
	Realtime  uint64 `json:"realtime"`
	// Hash is that of all its fields.
	Hash uint64 `json:"hash"`
}

// ID128 is an identifier as systemd uses them. Its text is 32 hexadecimal digits.
type ID128 [16]byte

// MarshalText implements encoding.TextMarshaler.
func (id ID128) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It takes dashes as well, as
// the kernel writes them.
func (id *ID128) UnmarshalText(text []byte) error {
	digits := bytes.ReplaceAll(text, []byte("-"), nil)
	if len(digits) != hex.EncodedLen(len(id)) {
		return fmt.Errorf("cannot take %.40q for an ID: it has not 32 digits", text)
	}
	if _, err := hex.Decode(id[:], digits); err != nil {
		return fmt.Errorf("cannot take %.40q for an ID: %w", text, err)
	}
	return nil
}

// FilePosition is a place in a file that survives its renaming and, by the
// fingerprint, its compression.
type FilePosition struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Made is when the file was made, in Unix nanoseconds, as an inode is used again; 0
	// when that is not known.
	Made int64 `json:"made,omitempty"`
	// Fingerprint is the hash of the first record; 0 while that is not complete.
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

// HighWaterMark identifies the newest entry of a stream, by its timestamp as Docker gave it in
// Unix nanoseconds and, since several entries may share a timestamp, by the
// hashes of the stored texts of all entries handed over that have it. What else it
// holds is absent unless lines are equal, very many, or changed before they are sent.
type HighWaterMark struct {
	Time   int64    `json:"time"`
	Hashes []uint64 `json:"hashes,omitempty"`
	// Counts is the number of entries at Time, per hash; absent when it is one each.
	Counts []int64 `json:"counts,omitempty"`
	// At is how many nanoseconds after Time the newest entry has the timestamp that it is
	// sent with: not 0 where it was given another. Sent are the hashes of the texts that
	// were sent with that timestamp or later, and Ahead by how many nanoseconds after it
	// the next entry of each is to be sent. They are absent where they follow from Hashes
	// and Counts.
	At    int64    `json:"at,omitempty"`
	Sent  []uint64 `json:"sent,omitempty"`
	Ahead []int64  `json:"ahead,omitempty"`
	// More is the number of entries at Time whose hashes are not kept, and Top the newest
	// timestamp that an entry was sent with whose text is not among Sent.
	More int64 `json:"more,omitempty"`
	Top  int64 `json:"top,omitempty"`
	// Span is how many nanoseconds after Time the last part of the newest entry has its
	// timestamp: a line in parts, or several lines that make one entry.
	Span int64 `json:"span,omitempty"`
}
