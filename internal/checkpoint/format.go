package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// The file of positions is text, one line each:
//
//	lighterman-positions 1
//	{"id":"0f3c…","position":{…},"labels":[…]}      one per container, by ID
//	end 1 9a0f364c1d2be871                           containers, hash
//
// The hash is the xxHash64 of everything before the last line, so a file that
// was cut or changed anywhere is always noticed. The first line stays as it is
// in all versions.
const (
	formatName    = "lighterman-positions"
	formatVersion = 1
)

// maxFileSize bounds what is read into memory: some hundred thousand containers.
const maxFileSize = 256 << 20

// versionError tells that a file was written by another version of lighterman:
// it is sound, and must not be replaced.
type versionError struct{ version uint64 }

func (e *versionError) Error() string {
	return fmt.Sprintf("it has format version %d and this lighterman understands version %d only: "+
		"run the newer lighterman again, or move the file away to begin without positions", e.version, formatVersion)
}

func appendHeader(b []byte) []byte {
	return fmt.Appendf(b, "%s %d\n", formatName, formatVersion)
}

// trailer returns the last line for what is before it.
func trailer(body []byte, records int) []byte {
	return fmt.Appendf(nil, "end %d %016x\n", records, xxhash.Sum64(body))
}

// identity tells files of positions apart: it is the hash in the last line.
func identity(data []byte) uint64 {
	const digits = 16
	end := len(data) - len("\n")
	hash, err := strconv.ParseUint(string(data[max(0, end-digits):max(0, end)]), 16, 64)
	if err != nil {
		return 0 // the file is not sound
	}
	return hash
}

// decode verifies a file and returns its records, sorted by ID. Any error but a
// *versionError means that the file is damaged.
func decode(data []byte) ([]Record, error) {
	header, _, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return nil, errors.New("it has no complete first line")
	}
	if err := checkHeader(string(header)); err != nil {
		return nil, err
	}
	body, err := verify(data)
	if err != nil {
		return nil, err
	}
	return decodeRecords(body[len(header)+1:])
}

func checkHeader(line string) error {
	name, number, _ := strings.Cut(line, " ")
	version, err := strconv.ParseUint(number, 10, 32)
	switch {
	case name != formatName || err != nil || version == 0:
		return fmt.Errorf("its first line is not %q", formatName+" "+strconv.Itoa(formatVersion))
	case version != formatVersion:
		return &versionError{version}
	default:
		return nil
	}
}

// verify compares the last line with what it must be and returns what is
// before it.
func verify(data []byte) ([]byte, error) {
	if data[len(data)-1] != '\n' {
		return nil, errors.New("it is cut: the last line has no end")
	}
	body := data[:bytes.LastIndexByte(data[:len(data)-1], '\n')+1]
	records := bytes.Count(body, []byte("\n")) - 1
	if !bytes.Equal(data[len(body):], trailer(body, records)) {
		return nil, errors.New("its checksum does not match: it is cut or was changed")
	}
	return body, nil
}

func decodeRecords(lines []byte) ([]Record, error) {
	var records []Record
	last := ""
	for line := range bytes.Lines(lines) {
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("record %d is not valid: %w", len(records)+1, err)
		}
		if r.ID <= last {
			return nil, fmt.Errorf("record %d has no ID or is out of order", len(records)+1)
		}
		for _, l := range r.Labels {
			if l.Labels == nil {
				return nil, fmt.Errorf("record %d has an element without labels", len(records)+1)
			}
		}
		last = r.ID
		records = append(records, r)
	}
	return records, nil
}
