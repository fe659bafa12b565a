package tail

import (
	"fmt"
	"testing"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
)

// TestResumePointDoesNotChange: where a held line began stays as it was noted when its file
// was left, whatever is read of the other stream and over how many files, and is what a new
// start goes on from until the line has ended.
func TestResumePointDoesNotChange(t *testing.T) {
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		w := newWriter(t)
		w.format, w.maxFiles = format, 9
		r := openFormat(t, w.live, format, logs.Position{})
		w.line(logs.Stderr, "before\n")
		w.line(logs.Stdout, fullPart)
		began := w.now
		w.rotate()
		w.line(logs.Stderr, "after\n")
		r.drain()
		noted := r.log.lines[logs.Stdout]
		if !noted.known || noted.order != 0 || noted.time != began || noted.place.Offsets[logs.Stdout] != noted.offset {
			t.Fatalf("noted %+v", noted)
		}
		for range 3 {
			w.rotate()
			w.line(logs.Stderr, "more\n")
			r.drain()
			at, want := r.log.Position(), noted.place
			want.Behind = [logs.Streams]bool{logs.Stderr: true} // only of stdout nothing came since
			if got := r.log.lines[logs.Stdout]; got != noted || at.File != want || r.log.Needed() != 0 {
				t.Errorf("%+v, position %+v, want %+v", got, at.File, want)
			}
		}
		w.record(began, logs.Stdout, "ended\n")
		r.drain()
		if at := r.log.Position(); r.log.oldestLine().known || r.log.Needed() != 4 || at.File.Inode != r.log.files[0].id.inode {
			t.Errorf("once the line has ended reading goes on at order %d, %+v", r.log.Needed(), at.File)
		}
	}
}

// TestResumeFrom is the table of where a new start goes on when no line is held.
func TestResumeFrom(t *testing.T) {
	w := newWriter(t)
	r := openReader(t, w.live, logs.Position{})
	if p := r.log.resumeFrom(); p.order != 0 || p.place.Fingerprint != 0 {
		t.Errorf("an empty file: %+v", p)
	}
	w.line(logs.Stdout, "first\n")
	r.drain()
	first := r.log.resumeFrom()
	if first.order != 0 || first.place.Fingerprint == 0 || first.place.Start() == 0 {
		t.Errorf("one file: %+v", first)
	}
	w.rotate()
	r.drain()
	if p := r.log.resumeFrom(); p != first {
		t.Errorf("an empty file behind another: %+v, want %+v", p, first)
	}
	w.line(logs.Stdout, "second\n")
	r.drain()
	if p := r.log.resumeFrom(); p.order != 1 || p.place.Fingerprint == first.place.Fingerprint {
		t.Errorf("the next file: %+v", p)
	}
	r.log.Close()
	if p := r.log.resumeFrom(); p.order != 2 || p.place != (logs.FilePosition{}) {
		t.Errorf("no file: %+v", p)
	}
}

// TestPendingKept: a line is held back that is older by more than Disorder than what was delivered
// last, through the API. The file is opened, and left again before the line was read: the API goes
// on from the line all the same.
func TestPendingKept(t *testing.T) {
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		w := newWriter(t)
		w.format = format
		w.line(logs.Stdout, "one\n")
		first := openFormat(t, w.live, format, logs.Position{})
		w.line(logs.Stderr, fullPart)
		began := w.now
		w.now += assemble.Disorder + 1
		w.line(logs.Stdout, "two\n")
		from := first.saved()
		first.log.Close()
		from.File.Behind = [logs.Streams]bool{true, true}
		from.Last, from.Newest[logs.Stdout].Time, from.Pending = w.now, w.now, began
		r := openFormat(t, w.live, format, from)
		if p := r.saved(); p.Pending != began || assemble.Since(p) > began {
			t.Errorf("%v: opened, resumed from %d on, pending since %d, want %d", format, assemble.Since(p), p.Pending, began)
		}
		r.drain()
		if p := r.saved(); p.Pending != began {
			t.Errorf("%v: read, pending since %d, want %d", format, p.Pending, began)
		}
		newest := w.now + 1
		w.record(began, logs.Stderr, "end\n")
		w.record(newest, logs.Stdout, "three\n")
		r.drain()
		if p := r.saved(); p.Pending != 0 {
			t.Errorf("%v: ended, pending since %d", format, p.Pending)
		}
		r.log.Close()
	}
}

// TestBehindHeld: an entry was delivered through the API, and is read again from the file, where
// it is held back, as further lines may belong to it, when something new comes. A new start still
// finds it delivered.
func TestBehindHeld(t *testing.T) {
	lone := &assemble.Group{Gap: 1000, Begins: func(uint8, []byte) (uint8, bool) { return 0, true }}
	rules := &assemble.Rules{Gap: lone.Gap, Group: func(logs.Stream, int64) *assemble.Group { return lone }}
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		w := newWriter(t)
		w.format = format
		open := func(from logs.Position) *reader {
			return openConfig(t, Config{Path: w.live, Format: format, Resume: from, Rules: rules})
		}
		w.line(logs.Stdout, "delivered\n")
		r := open(logs.Position{})
		r.drain()
		r.log.FlushGroups(w.now+lone.Gap+1, r.emit)
		from := r.saved()
		r.log.Close()
		from.File.Offsets, from.File.Behind = [logs.Streams]int64{}, [logs.Streams]bool{true, true}

		r = open(from)
		r.drain()
		w.line(logs.Stderr, "new\n")
		r.drain()
		from = r.saved()
		r.log.Close()
		if want := [logs.Streams]bool{logs.Stdout: true}; from.File.Behind != want {
			t.Errorf("%v: behind is %v, want %v", format, from.File.Behind, want)
		}

		r = open(from)
		r.drain()
		r.log.FlushGroups(w.now+lone.Gap+1, r.emit)
		expect(t, r.lines, []string{fmt.Sprintf("%d stderr new", w.now)})
		r.log.Close()
	}
}
