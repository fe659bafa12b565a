package stream

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestTTYCut(t *testing.T) {
	// only line of a quiet terminal; the connection breaks within it
	lines, r, end := read(t, io.MultiReader(strings.NewReader(stamped(1, "hel")), iotest.ErrReader(io.ErrUnexpectedEOF)), Config{TTY: true})
	t.Logf("%q, %v", lines, end)
	// reconnected
	again, _, _ := read(t, strings.NewReader(stamped(1, "hello\r\n")), Config{TTY: true, Resume: r.Position()})
	t.Logf("again %q", again)
	if len(lines) != 0 || len(again) != 1 {
		t.Error("the line is delivered torn, and never whole")
	}
	// cut within the timestamp
	c := &counter{}
	_, _, _ = read(t, io.MultiReader(strings.NewReader(stamped(1, "x\r\n")+stamped(2, "y")[:12]), iotest.ErrReader(io.ErrUnexpectedEOF)), Config{TTY: true, Events: c})
	t.Logf("corrupt records counted %d", c.corrupt)
	var _ logs.Position
}

func TestTTYFutureTimestampInText(t *testing.T) {
	body := stamped(1, "lease expires at "+future("(UTC)\r\n")) + stamped(2, "next\r\n")
	lines, r, _ := read(t, strings.NewReader(body), Config{TTY: true})
	t.Logf("%q since %d", lines, Since(r.Position())-start)
	if len(lines) != 2 {
		t.Error("split")
	}
	// the text came last before a break: resume
	_, r, _ = read(t, strings.NewReader(stamped(1, "lease expires at "+future("(UTC)\r\n"))), Config{TTY: true})
	t.Logf("since after it: %d s from now", (Since(r.Position())-start)/1e9)
	lines, _, _ = read(t, strings.NewReader(stamped(2, "next\r\n")+stamped(3, "next 2\r\n")), Config{TTY: true, Resume: r.Position()})
	if len(lines) != 2 {
		t.Errorf("lost on resume: got %q", lines)
	}
}

func future(text string) string {
	return time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000001Z") + " " + text
}
