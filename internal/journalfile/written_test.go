package journalfile

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// waits is how long journald may take for anything.
const waits = time.Minute

// samples is the number of entries that written has of wanted.
const samples = 30

// written makes a small journal file, for tests that change it: journald's own are
// of 8 MiB, and tell of the machine.
func written(compact bool) []byte {
	w := &writer{compact: compact, b: make([]byte, 272)}
	copy(w.b, "LPKSHHRH")
	flags := uint32(flagKeyedHash | flagZstd | flagLZ4)
	if compact {
		flags |= flagCompact
	}
	binary.LittleEndian.PutUint32(w.b[headerIncompatible:], flags)
	for i := range 16 {
		w.b[headerFileID+i], w.b[headerBoot+i], w.b[headerSeqnumID+i] = byte(i), byte(16+i), byte(32+i)
	}
	w.put(headerHeaderSize, 272)
	const buckets = 8
	table := w.object(4, objectHeader+buckets*hashItem)
	w.put(headerHashTable, table+objectHeader)
	w.put(headerHashSize, buckets*hashItem)
	owner, priority := w.data(wanted), w.data("PRIORITY=6")
	for i := range samples {
		w.entry(uint64(i), owner, priority, w.data(fmt.Sprint("MESSAGE=line ", i)))
	}
	w.data("MESSAGE=" + strings.Repeat("x", 400))
	return w.b
}

type writer struct {
	b       []byte
	compact bool
	// array and used are the newest array of the owner's entries, and how many it has.
	array, used, size, count uint64
}

func (w *writer) put(at, v uint64)     { binary.LittleEndian.PutUint64(w.b[at:], v) }
func (w *writer) get(at uint64) uint64 { return binary.LittleEndian.Uint64(w.b[at:]) }
func (w *writer) file() *File          { f, _ := Open(strings.NewReader(string(w.b))); return f }
func (w *writer) object(kind byte, size uint64) uint64 {
	at := uint64(len(w.b)+7) &^ 7
	w.b = append(w.b, make([]byte, int(at+size)-len(w.b))...)
	w.b[at] = kind
	w.put(at+8, size)
	return at
}

func (w *writer) data(text string) uint64 {
	f := w.file()
	at := w.object(typeData, uint64(f.payload()+len(text)))
	hash := f.hash([]byte(text))
	w.put(at+dataHash, hash)
	copy(w.b[at+uint64(f.payload()):], text)
	bucket := f.table + hash%f.tableSize*hashItem
	if last := w.get(bucket + 8); last == 0 {
		w.put(bucket, at)
	} else {
		w.put(last+dataNextHash, at)
	}
	w.put(bucket+8, at)
	return at
}

func (w *writer) item(at, index, v uint64) {
	if w.compact {
		binary.LittleEndian.PutUint32(w.b[at+4*index:], uint32(v))
		return
	}
	w.put(at+8*index, v)
}

func (w *writer) entry(n uint64, fields ...uint64) {
	step := uint64(16)
	if w.compact {
		step = 4
	}
	at := w.object(typeEntry, entryItems+step*uint64(len(fields)))
	w.put(at+entrySeqnum, n+1)
	w.put(at+entryRealtime, 1e15+n)
	w.put(at+entryMonotonic, 1e6+n)
	w.put(at+entryXor, n)
	for i, f := range fields {
		w.item(at+entryItems+uint64(i)*step, 0, f)
	}
	w.link(fields[0], at)
}

// link hangs an entry on its owner.
func (w *writer) link(owner, entry uint64) {
	defer func() { w.count++; w.put(owner+dataCount, w.count) }()
	if w.count == 0 {
		w.put(owner+dataFirstEntry, entry)
		return
	}
	if w.used == w.size {
		w.size = max(4, 2*w.size)
		array := w.object(typeEntryArray, arrayItems+8*w.size)
		if w.compact {
			w.put(array+8, arrayItems+4*w.size)
		}
		if w.array == 0 {
			w.put(owner+dataArray, array)
		} else {
			w.put(w.array+arrayNext, array)
		}
		w.array, w.used = array, 0
	}
	w.item(w.array+arrayItems, w.used, entry)
	w.used++
}
