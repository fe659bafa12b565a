package tail

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/lighterman/lighterman/internal/locallog"
	"github.com/lighterman/lighterman/internal/logs"
)

// Recent returns the position behind which are the newest bytes of a log: so many, in the live
// file and those before it, as far as they are not compressed. whole reports whether that is
// all there is of the log. Reading begins at the first record behind the position.
func Recent(path string, of logs.FileFormat, size int64) (p logs.FilePosition, whole bool, err error) {
	name := path
	for number := 1; ; number++ {
		at, n, err := recentOf(name, of, size)
		switch {
		case errors.Is(err, errNoRecord):
		case errors.Is(err, fs.ErrNotExist):
			_, err := os.Lstat(name + gzipSuffix)
			return p, err != nil, nil
		case err != nil:
			return p, false, err
		default:
			p = at
		}
		if at.Start() > 0 || n >= size {
			return p, false, nil
		}
		size -= n
		name = path + "." + strconv.Itoa(number)
	}
}

// WrittenSince returns where the oldest file begins that was written to since a time; the beginning
// of the log where that cannot be told, as of compressed files. Lines of the time may be anywhere
// in a file, as clocks are set back, but not in one that was closed before.
func WrittenSince(path string, of logs.FileFormat, since time.Time) (p logs.FilePosition) {
	name := path
	for number := 1; ; number++ {
		info, err := os.Stat(name)
		if err != nil {
			return logs.FilePosition{}
		}
		if info.ModTime().Before(since) && p != (logs.FilePosition{}) {
			return p
		}
		at, _, err := recentOf(name, of, math.MaxInt64)
		switch {
		case errors.Is(err, errNoRecord): // the next one is read as well
		case err != nil:
			return logs.FilePosition{}
		default:
			p = at
		}
		name = path + "." + strconv.Itoa(number)
	}
}

// errNoRecord says that a file has no whole record.
var errNoRecord = errors.New("it has no whole record")

// recentOf is Recent of one file: its beginning where it has no more than so many bytes. n is
// its size.
func recentOf(path string, of logs.FileFormat, size int64) (p logs.FilePosition, n int64, err error) {
	f, info, err := open(path)
	if err != nil {
		return p, 0, err
	}
	defer func() { _ = f.Close() }()
	sum, err := fingerprint(f, formatOf(of))
	if err == nil && sum == 0 {
		err = errNoRecord
	}
	if err != nil {
		return p, info.Size(), err
	}
	p = (&origin{identify(info), timesOf(f).made, sum}).position()
	if from := info.Size() - size; from > 0 {
		if from, err = firstFrom(f, of, from); err != nil {
			return p, info.Size(), err
		}
		for s := range p.Offsets {
			p.Offsets[s] = from
		}
	}
	return p, info.Size(), nil
}

// firstFrom returns where the first record begins from an offset on; the offset itself where
// none is found soon.
func firstFrom(content io.ReaderAt, of logs.FileFormat, from int64) (int64, error) {
	chunk := make([]byte, 2*locallog.MaxFrame)
	n, err := content.ReadAt(chunk, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if of != logs.Frames {
		return from + int64(bytes.IndexByte(chunk[:n], '\n')) + 1, nil
	}
	at, found := locallog.Next(chunk[:n], false)
	if !found {
		at = 0
	}
	return from + int64(at), nil
}
