package lokitest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// The form of the write-ahead log, as package tsdb/wlog of Prometheus has it: pages of 32 KiB,
// and in each the parts of records, behind a type, a length and a checksum. A type of 0 fills
// the page.
const (
	walPage   = 32 << 10
	walHeader = 7
	walTypes  = 7 // the bits of a type; the others tell how it is compressed
	walFull   = 1
	walLast   = 4
)

// mendLog cuts the record off that a killed Loki has not written to its end, and reports
// whether there was one. Loki 3.7.8 would stop reading there at its start after the next one,
// without a word, and show nothing of what it has accepted in between: see TestLokiForgets.
func mendLog(dir string) (torn bool, err error) {
	path, err := lastSegment(dir)
	if path == "" || err != nil {
		return false, err
	}
	log, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	whole := wholeRecords(log)
	if whole == len(log) {
		return false, nil
	}
	return true, os.Truncate(path, int64(whole))
}

// lastSegment returns the file that was written to last; empty for none.
func lastSegment(dir string) (path string, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, "wal"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for _, e := range entries { // in order
		if _, err := strconv.Atoi(e.Name()); err == nil {
			path = filepath.Join(dir, "wal", e.Name())
		}
	}
	if err != nil {
		return "", fmt.Errorf("cannot read Loki's log: %w", err)
	}
	return path, nil
}

// wholeRecords returns where the last record of a segment ends that is whole.
func wholeRecords(log []byte) (end int) {
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	whole := true
	for at := 0; at < len(log); {
		kind := log[at] & walTypes
		if kind == 0 {
			if at += walPage - at%walPage; whole {
				end = min(at, len(log))
			}
			continue
		}
		if at+walHeader > len(log) {
			break
		}
		size := int(binary.BigEndian.Uint16(log[at+1:]))
		next := at + walHeader + size
		if next > len(log) || crc32.Checksum(log[at+walHeader:next], castagnoli) != binary.BigEndian.Uint32(log[at+3:]) {
			break
		}
		at, whole = next, kind == walFull || kind == walLast
		if whole {
			end = at
		}
	}
	return end
}
