package tail

import (
	"bytes"
	"fmt"
	"io"

	"github.com/lighterman/lighterman/internal/logs"
)

// End returns the position after all whole records of a log file, from where only
// what is new is read. It fails when the file has no whole record yet.
func End(path string, of logs.FileFormat) (logs.FilePosition, error) {
	f, info, err := open(path)
	if err != nil {
		return logs.FilePosition{}, err
	}
	defer func() { _ = f.Close() }()
	sum, err := fingerprint(f, formatOf(of))
	if err == nil && sum == 0 {
		err = fmt.Errorf("%q has no whole record", path)
	}
	if err != nil {
		return logs.FilePosition{}, fmt.Errorf("cannot find the end of a log: %w", err)
	}
	end := info.Size()
	if of == logs.JSONLines {
		// Frames need no such care: what is no record there is searched for one.
		if end, err = lastLine(f, end); err != nil {
			return logs.FilePosition{}, fmt.Errorf("cannot find the end of a log: %w", err)
		}
	}
	p := (&origin{identify(info), timesOf(f).made, sum}).position()
	for s := range p.Offsets {
		p.Offsets[s] = end
	}
	return p, nil
}

// lastLine returns the offset after the last line feed before end; end where there is none
// in as much as the longest record has, as in a hole of gigabytes.
func lastLine(r io.ReaderAt, end int64) (int64, error) {
	chunk := make([]byte, 64<<10)
	for size := end; end > 0; {
		if size-end > maxRecord {
			return size, nil
		}
		part := chunk[:min(int64(len(chunk)), end)]
		if _, err := r.ReadAt(part, end-int64(len(part))); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return end - int64(len(part)) + int64(i) + 1, nil
		}
		end -= int64(len(part))
	}
	return 0, nil
}

// Back returns the position so many records before the end of a log file. It fails
// when the file has fewer.
func Back(path string, of logs.FileFormat, records int) (logs.FilePosition, error) {
	p, err := End(path, of)
	if err != nil {
		return logs.FilePosition{}, err
	}
	f, _, err := open(path)
	if err != nil {
		return logs.FilePosition{}, err
	}
	defer func() { _ = f.Close() }()
	at := p.Offsets[0]
	for range records {
		start, ok := formatOf(of).last(f, at)
		if !ok || start <= 0 {
			return logs.FilePosition{}, fmt.Errorf("%q has less than %d records", path, records)
		}
		at = start
	}
	for s := range p.Offsets {
		p.Offsets[s] = at
	}
	return p, nil
}

// Records is how many records are read for the last lines: a line may be in parts, and
// others may be written before the log is opened.
func Records(lines int) int { return 4*lines + 512 }
