package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Format is how entries are printed.
type Format uint8

// The formats.
const (
	// AutoFormat is Text on a terminal, and where colours are wanted always, and JSON
	// elsewhere.
	AutoFormat Format = iota
	// Text is for people: the name of the container and the line.
	Text
	// JSON is for programs: one object per line.
	JSON
	// Raw is the lines alone: as they are, unless a terminal would read them.
	Raw
	// Templated is what Options.Template makes.
	Templated
)

// Color tells whether Text has colours.
type Color uint8

// The choices of colour.
const (
	// AutoColor means colours on a terminal that has them, unless NO_COLOR is set.
	AutoColor Color = iota
	Always
	Never
)

// ColorOf is the choice of a word: always or never, and else auto.
func ColorOf(word string) Color {
	switch word {
	case "always":
		return Always
	case "never":
		return Never
	}
	return AutoColor
}

// Options are the choices for a Sink. The zero value decides by the writer.
type Options struct {
	Format Format
	Color  Color
	// Time is what Text shows of the time of an entry, and Zone where: nil for here. JSON
	// always has UTC.
	Time TimeStyle
	Zone *time.Location
	// Fold makes Text show the first line of an entry alone, and how many it has left out.
	Fold bool
	// Show chooses entries.
	Show Filter
	// Highlight are patterns whose matches are marked, where there are colours.
	Highlight []*regexp.Regexp
	// Template is what Templated needs.
	Template *Template
	// Columns returns how wide the terminal is, 0 for any width; nil asks the writer
	// before each batch, so that a change of its size shows at once.
	Columns func() int
}

// maxIdleBuffer is the largest buffer that is kept from one batch to the next.
const maxIdleBuffer = 4 << 20

// Sink prints batches. Push may be called from several goroutines.
type Sink struct {
	w      io.Writer
	print  printer
	show   Filter
	broken chan struct{}

	// printing has the one who prints in it: it guards the fields below and the printer,
	// and keeps the entries of one batch together. A mutex cannot be waited for until a
	// context is done.
	printing chan struct{}
	buf      []byte
	merger   merger
	// torn tells that the last write ended within a line.
	torn bool
	// gone is why the output is broken, nil while it is not.
	gone error
}

// printer appends entries in one format. It is owned by its Sink.
type printer interface {
	// begin gets the groups of a batch before their entries are printed.
	begin(groups []*logs.Group)
	// entry appends entry i of group g.
	entry(b []byte, g, i int) []byte
}

// New makes a sink that writes to w. The process must ignore SIGPIPE
// (signal.Ignore) when w is standard output: the Go runtime would otherwise end
// it when the reader goes, before positions are saved.
func New(w io.Writer, o Options) *Sink {
	s := &Sink{w: w, show: o.Show, broken: make(chan struct{}), printing: make(chan struct{}, 1)}
	f, _ := w.(*os.File)
	terminal := f != nil && IsTerminal(f)
	if o.Columns == nil && terminal {
		o.Columns = func() int { return Width(f) }
	} else if o.Columns == nil {
		o.Columns = func() int { return 0 }
	}
	s.print = o.printer(terminal)
	return s
}

// printer makes what prints entries.
func (o Options) printer(terminal bool) printer {
	color := useColor(o.Color, terminal)
	var mark *marker
	if color {
		mark = newMarker(o.Highlight)
	}
	zone := cmp.Or(o.Zone, time.Local)
	switch {
	case o.Format == JSON, o.Format == AutoFormat && !terminal && o.Color != Always:
		return &jsonPrinter{terminal: terminal}
	case o.Format == Raw:
		return &rawPrinter{terminal: terminal, color: color, mark: mark}
	case o.Format == Templated:
		return &templatePrinter{template: o.Template, zone: zone}
	}
	return &textPrinter{color: color, times: o.Time, zone: zone, fold: o.Fold, mark: mark, columns: o.Columns}
}

func useColor(c Color, terminal bool) bool {
	if c != AutoColor {
		return c == Always
	}
	return terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Broken is closed when the reader of the output is gone for good: whoever
// runs the sink must stop then, because every further Push is answered with
// Retry.
func (s *Sink) Broken() <-chan struct{} { return s.broken }

// Push prints a batch, ordered by time, with one write. It cannot be
// interrupted while a reader stands still. After a write that failed half-way,
// as on a full disk, a repetition prints the first entries again.
func (s *Sink) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	if !s.begin(ctx) {
		return retry(ctx.Err())
	}
	defer s.end()
	if err := cmp.Or(s.gone, ctx.Err()); err != nil {
		return retry(err)
	}
	s.format(b)
	if err := s.write(); err != nil {
		return retry(err)
	}
	return logs.Outcome{Kind: logs.Accepted}
}

// begin waits until nobody else prints, and reports whether that came before ctx was done.
// Where nobody prints, a ctx that is done is no matter.
func (s *Sink) begin(ctx context.Context) bool {
	select {
	case s.printing <- struct{}{}:
		return true
	default:
	}
	select {
	case s.printing <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Sink) end() { <-s.printing }

func retry(err error) logs.Outcome {
	return logs.Outcome{Kind: logs.Retry, Err: fmt.Errorf("cannot print entries: %w", err)}
}

// format fills buf with the text of a batch.
func (s *Sink) format(b *logs.Batch) {
	s.buf = s.buf[:0]
	if s.torn {
		s.buf = append(s.buf, '\n')
	}
	s.print.begin(b.Groups)
	s.merger.reset(b.Groups)
	for {
		g, i, ok := s.merger.next()
		if !ok {
			return
		}
		if s.show.passes(b.Groups[g], i) {
			s.buf = s.print.entry(s.buf, g, i)
		}
	}
}

func (s *Sink) write() error {
	if len(s.buf) == 0 {
		return nil
	}
	n, err := s.w.Write(s.buf)
	if n > 0 {
		s.torn = s.buf[n-1] != '\n'
	}
	if cap(s.buf) > maxIdleBuffer {
		s.buf = nil
	}
	if isBroken(err) {
		s.gone = err
		close(s.broken)
	}
	return err
}

// isBroken tells a reader that is gone from trouble that may pass, such as a
// full disk. EIO is what a terminal that hung up answers.
func isBroken(err error) bool {
	for _, gone := range []error{syscall.EPIPE, syscall.EIO, syscall.EBADF, os.ErrClosed, io.ErrClosedPipe} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}
