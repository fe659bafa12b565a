package stream

import (
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
)

// Config says how a body is to be read.
type Config struct {
	// TTY reports whether the container has a terminal: the body is then raw text
	// without frames.
	TTY bool
	// TimesDiffer reports whether the parts of a line differ in their timestamps:
	// the journald driver.
	TimesDiffer bool
	// Resume is where the log was left; the request must have been made with
	// Since of it, or for all with From, or with Tail.
	Resume logs.Position
	// Tail is the number of records before the end of the log at which the body
	// begins; 0 where it begins at Since. What was handed over is then left out, and
	// Wait returns ErrGap when the place where the log was left is not among them.
	Tail int
	// LeaveOut reports whether lines from before Resume.Since may come, and are to be left out.
	LeaveOut bool
	// First and Newest are records that were in the log when it was opened: the first time, and now.
	// No line behind them is left out by its time. Opened is when this was, in Unix
	// nanoseconds: a record that is later than that and both ends since, too, as they may
	// be gone.
	First, Newest logs.Seen
	Opened        int64
	// From is the time in Unix nanoseconds before which records are passed over, up to
	// Newest: the request was made for all, where an engine that is asked for a time leaves
	// out more. 0 for none.
	From int64
	// Heard, if not nil, is set to the timestamp of the newest record that has
	// arrived, in Unix nanoseconds, also while the end of a line is awaited.
	Heard *atomic.Int64
	// MaxLine is the size in bytes from which on a line is cut; 0 for no limit.
	MaxLine int
	// Rules are what is configured for its lines.
	Rules *assemble.Rules
	// Events counts what happens to the log; it must not be nil.
	Events Events
}

// Events counts what an operator should know of.
type Events interface {
	// CorruptRecord counts a record without a timestamp.
	CorruptRecord()
	// LineCut counts a line that was longer than the limit.
	LineCut()
	// LeftOut counts the bytes that lines which were cut have lost.
	LeftOut(bytes int)
	// LineSkipped counts a line that was left out by its time.
	LineSkipped(reason string)
}

// Since returns the time in Unix nanoseconds from which on the log must be
// asked for to resume at p; 0 for all of it.
func Since(p logs.Position) int64 { return assemble.Since(p) }
