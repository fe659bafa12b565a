package journalfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/lighterman/lighterman/internal/logs"
)

var (
	// ErrUnsupported says that a file, or a piece of data, is in a form that is
	// not read.
	ErrUnsupported = errors.New("journal file of an unsupported kind")
	// ErrNotYet says that what was asked for is not there: of a file that is
	// being written, it may be later.
	ErrNotYet = errors.New("not written yet")
	// ErrCorrupt says that a file is not what its format wants.
	ErrCorrupt = errors.New("corrupt journal file")
	// ErrUnpack is an ErrCorrupt of data that is too large, or cannot be unpacked:
	// that does not change any more, also not in a file that is being written.
	ErrUnpack = fmt.Errorf("%w: its data cannot be unpacked", ErrCorrupt)
)

func corrupt(offset uint64, what string) error {
	return fmt.Errorf("%w: %s at offset %d", ErrCorrupt, what, offset)
}

// Places in the header.
const (
	headerCompatible   = 8
	headerIncompatible = 12
	headerState        = 16
	headerFileID       = 24
	headerBoot         = 56
	headerSeqnumID     = 72
	headerHeaderSize   = 88
	headerHashTable    = 104
	headerHashSize     = 112
	headerEntries      = 152
	headerTailSeqnum   = 160
	headerArray        = 176
	headerTailRealtime = 192
	// headerLeast is the size of the oldest header.
	headerLeast = 208
)

// What a reader must know to read a file.
const (
	flagXZ = 1 << iota
	flagLZ4
	flagKeyedHash
	flagZstd
	flagCompact
	flagsKnown = flagXZ | flagLZ4 | flagKeyedHash | flagZstd | flagCompact
)

// File is a journal file. It may be used by several goroutines, each with a
// Cache of its own.
type File struct {
	content io.ReaderAt
	// ID tells the file from all others. SeqnumID is that of its sequence numbers,
	// which go on through all files that have the same.
	ID, SeqnumID logs.ID128
	keyed        bool
	compact      bool
	// start is the size of the header: no object lies before it.
	start     uint64
	table     uint64
	tableSize uint64
}

// Open reads the header. A file that has just been made gives ErrNotYet.
func Open(content io.ReaderAt) (*File, error) {
	var h [headerLeast]byte
	n, err := content.ReadAt(h[:], 0)
	switch {
	case n < len(h) && errors.Is(err, io.EOF), err == nil && h == [headerLeast]byte{}:
		return nil, ErrNotYet
	case n < len(h):
		return nil, fmt.Errorf("cannot read journal header: %w", err)
	case !bytes.HasPrefix(h[:], []byte("LPKSHHRH")):
		return nil, corrupt(0, "signature")
	}
	flags := binary.LittleEndian.Uint32(h[headerIncompatible:])
	if unknown := flags &^ flagsKnown; unknown != 0 {
		return nil, fmt.Errorf("%w: it needs features %#x of a newer systemd", ErrUnsupported, unknown)
	}
	f := &File{
		content: content, ID: id(h[headerFileID:]), SeqnumID: id(h[headerSeqnumID:]),
		keyed: flags&flagKeyedHash != 0, compact: flags&flagCompact != 0,
		start: binary.LittleEndian.Uint64(h[headerHeaderSize:]),
		table: binary.LittleEndian.Uint64(h[headerHashTable:]), tableSize: binary.LittleEndian.Uint64(h[headerHashSize:]) / hashItem,
	}
	switch {
	case f.table == 0 || f.tableSize == 0:
		return nil, ErrNotYet
	case f.start < headerLeast || f.start > maxOffset:
		return nil, corrupt(headerHeaderSize, "size of header")
	case f.table < f.start || f.table > maxOffset || f.tableSize > maxOffset/hashItem:
		return nil, corrupt(headerHashTable, "hash table")
	}
	return f, nil
}

func id(b []byte) (out logs.ID128) {
	copy(out[:], b)
	return out
}

// State is what the header says at a moment.
type State struct {
	// Boot is that of the newest entry, or with systemd before 254 of the last
	// one that wrote to the file.
	Boot logs.ID128
	// Entries is the number of all entries, and Newest the time of the newest
	// in Unix microseconds.
	Entries, Newest uint64
	// Seqnum is the number of the newest entry.
	Seqnum uint64
	// Archived tells that nothing will be written any more. A file that was not
	// closed in order does not say so.
	Archived bool
}

// State reads the header again.
func (f *File) State() (State, error) {
	var h [headerLeast]byte
	if _, err := f.content.ReadAt(h[:], 0); err != nil {
		return State{}, fmt.Errorf("cannot read journal header: %w", err)
	}
	const archived = 2
	return State{
		Boot: id(h[headerBoot:]), Archived: h[headerState] == archived,
		Entries: binary.LittleEndian.Uint64(h[headerEntries:]), Newest: binary.LittleEndian.Uint64(h[headerTailRealtime:]),
		Seqnum: binary.LittleEndian.Uint64(h[headerTailSeqnum:]),
	}, nil
}
