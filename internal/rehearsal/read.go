package rehearsal

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/jsonfile"
	"github.com/lighterman/lighterman/internal/locallog"
	"github.com/lighterman/lighterman/internal/logs"
)

// Format is how lines lie in a file.
type Format string

// The formats, which are found out by what a file begins with.
const (
	Plain    Format = "plain text"
	JSONFile Format = "json-file"
	Local    Format = "local"
)

// Source is a file whose lines are read.
type Source struct {
	From io.Reader
	// Stream is that of plain lines, and Begin the time of the first of them; each next one
	// is a millisecond later.
	Stream logs.Stream
	Begin  time.Time
	// MaxLine is the size in bytes from which on a line is cut; 0 for no limit.
	MaxLine int
}

// Found is what a file was.
type Found struct {
	Format Format
	// Corrupt counts what is no record where there should be one.
	Corrupt int
}

// longest bounds a line of a file, and a record, in bytes.
const longest = 4 << 20

// between is how far apart plain lines are, which have no time of their own.
const between = time.Millisecond

// Read passes on the lines of a file, until its end or that of ctx. Their text is valid only
// during the call of take. Of a pipe each line is passed on when it comes.
func Read(ctx context.Context, s Source, take func(Line)) (found Found, err error) {
	r := bufio.NewReaderSize(s.From, 2*locallog.MaxFrame)
	if head, _ := r.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return found, fmt.Errorf("cannot unpack: %w", err)
		}
		r = bufio.NewReaderSize(unpacked, 2*locallog.MaxFrame)
	}
	f := &filed{stopped: ctx.Err, r: r, source: s, take: take, lines: assemble.New(assemble.Config{MaxLine: s.MaxLine}, logs.Position{})}
	if f.found.Format, err = f.recognise(); err == nil {
		err = map[Format]func() error{Plain: f.plain, JSONFile: f.jsonFile, Local: f.local}[f.found.Format]()
	}
	f.lines.Flush(f.line)
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return f.found, err
}

// filed is a file being read.
type filed struct {
	// stopped returns why nothing more is to be read, or nil.
	stopped func() error
	r       *bufio.Reader
	source  Source
	take    func(Line)
	found   Found
	// lines puts parts of lines together, and first is a line that was read to recognise
	// the format.
	lines *assemble.Assembler
	first []byte
}

func (f *filed) line(e logs.Entry) { f.take(Line{Time: e.Time, Stream: e.Stream, Text: e.Line}) }

func (f *filed) add(r *logs.Record) {
	f.lines.Add(r, f.line)
	f.lines.Seal()
}

// recognise finds out the format. It waits for no more than it needs to: what is typed or
// comes through a pipe may have no second line.
func (f *filed) recognise() (Format, error) {
	head, err := f.r.Peek(1)
	switch {
	case err != nil:
		return Plain, err
	case head[0] == 0:
		head, _ = f.r.Peek(locallog.MaxFrame)
		if n, ok := locallog.Next(head, true); ok && n == 0 {
			return Local, nil
		}
	case head[0] == '{':
		f.first, err = f.next()
		var d jsonfile.Decoder
		var r logs.Record
		if start, _, failed := d.Decode(bytes.Clone(bytes.TrimSuffix(f.first, []byte{'\n'})), &r); failed == nil && start == 0 {
			return JSONFile, nil
		}
		if len(f.first) > 0 {
			err = nil
		}
		return Plain, err
	}
	return Plain, nil
}

// next returns the next line with its line feed, where it has one. Of one that is too long
// only the beginning is kept.
func (f *filed) next() (line []byte, err error) {
	if line = f.first; line != nil {
		f.first = nil
		return line, nil
	}
	if err := f.stopped(); err != nil {
		return nil, err
	}
	for {
		part, err := f.r.ReadSlice('\n')
		if len(line) < longest {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && f.stopped() == nil:
			continue
		case err != nil && len(line) > 0 && errors.Is(err, io.EOF):
			return line, nil
		}
		return line, err
	}
}

func (f *filed) plain() error {
	for n := 0; ; n++ {
		line, err := f.next()
		if err != nil {
			return err
		}
		if line = bytes.TrimSuffix(line, []byte{'\n'}); len(line) > longest {
			line = line[:longest]
		}
		at := f.source.Begin.Add(time.Duration(n) * between)
		f.add(&logs.Record{Time: at.UnixNano(), Stream: f.source.Stream, Text: append(line, '\n')})
	}
}

func (f *filed) jsonFile() error {
	var d jsonfile.Decoder
	for {
		line, err := f.next()
		if err != nil {
			return err
		}
		rest := bytes.TrimSuffix(line, []byte{'\n'})
		for len(rest) > 0 {
			var r logs.Record
			start, end, err := d.Decode(rest, &r)
			if err != nil {
				f.found.Corrupt++
				break
			}
			if start > 0 {
				f.found.Corrupt++
			}
			f.add(&r)
			rest = rest[end:]
		}
	}
}

func (f *filed) local() error {
	for f.stopped() == nil {
		chunk, err := f.r.Peek(locallog.MaxFrame)
		if len(chunk) == 0 {
			return err
		}
		last := err != nil
		size, state := locallog.Size(chunk)
		var r logs.Record
		if state == locallog.Whole && locallog.Decode(chunk[:size], &r) == nil {
			f.add(&r)
			_, _ = f.r.Discard(size) // it was peeked at
			continue
		}
		f.found.Corrupt++
		n, ok := locallog.Next(chunk[1:], last)
		if !ok && last {
			return io.EOF
		}
		_, _ = f.r.Discard(1 + n)
	}
	return f.stopped()
}
