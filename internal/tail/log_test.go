package tail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

var fullPart = strings.Repeat("x", logs.PartSize)

// want is the list of lines numbered from first to last that number writes.
func want(first, last int) (out []string) {
	for i := first; i <= last; i++ {
		out = append(out, fmt.Sprintf("%d stdout line %d", 1_700_000_000_000_000_000+i, i))
	}
	return out
}

// number writes the lines numbered from first to last.
func (w *writer) number(first, last int) {
	for i := first; i <= last; i++ {
		w.line(logs.Stdout, fmt.Sprintf("line %d\n", i))
	}
}

func expect(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %d lines, want %d\n got %.600v\nwant %.600v", len(got), len(want), got, want)
	}
}

func TestFollowRotation(t *testing.T) {
	for _, test := range []struct {
		name     string
		maxFiles int
		compress bool
	}{{"plain", 3, false}, {"compressed", 3, true}, {"one file", 1, false}, {"two files", 2, false}} {
		t.Run(test.name, func(t *testing.T) {
			w := newWriter(t)
			w.maxFiles, w.compress = test.maxFiles, test.compress
			w.number(1, 10)
			r := openReader(t, w.live, logs.Position{})
			r.step()
			w.number(11, 20)
			for i := range 10 {
				w.rotate()
				if err := r.log.Capture(); err != nil {
					t.Fatal(err)
				}
				w.number(21+10*i, 30+10*i)
			}
			expect(t, r.drain(), want(1, 120))
			if n := r.log.Files(); n != 1 {
				t.Errorf("%d files held", n)
			}
		})
	}
}

func TestResumeAfterRotation(t *testing.T) {
	for _, test := range []struct {
		name      string
		compress  bool
		rotations int
	}{{"none", false, 0}, {"one", false, 1}, {"three", false, 3}, {"one compressed", true, 1}, {"three compressed", true, 3}} {
		t.Run(test.name, func(t *testing.T) {
			w := newWriter(t)
			w.compress = test.compress
			w.number(1, 100)
			r := openReader(t, w.live, logs.Position{})
			r.drain()
			at := r.saved()
			r.log.Close()
			w.number(101, 110)
			for i := range test.rotations {
				w.rotate()
				w.number(111+10*i, 120+10*i)
			}
			again := openReader(t, w.live, at)
			expect(t, again.drain(), want(101, 110+10*test.rotations))
		})
	}
}

// TestResumeFileGone: rotated away while nobody looked. What is left comes once.
func TestResumeFileGone(t *testing.T) {
	w := newWriter(t)
	w.maxFiles = 2
	w.number(1, 10)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	at := r.saved()
	r.log.Close()
	for i := range 3 {
		w.rotate()
		w.number(11+10*i, 20+10*i)
	}
	expect(t, openReader(t, w.live, at).drain(), want(21, 40))
}

// TestResumeByTime: as after the API route.
func TestResumeByTime(t *testing.T) {
	w := newWriter(t)
	w.compress = true
	w.number(1, 10)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	at := r.saved()
	at.File = logs.FilePosition{}
	w.number(11, 20)
	w.rotate()
	w.number(21, 30)
	expect(t, openReader(t, w.live, at).drain(), want(11, 30))
}

func TestBrokenCompression(t *testing.T) {
	w := newWriter(t)
	w.number(1, 10)
	w.rotate()
	w.number(11, 20)
	content, err := os.ReadFile(w.live + ".1")
	w.must(err)
	z := compressed(t, content)
	w.must(os.WriteFile(w.live+".1.gz", z[:len(z)/2], 0o640))
	r := openReader(t, w.live, logs.Position{})
	expect(t, r.drain(), want(1, 20))

	// Without the plain file, what can be read of the other one counts.
	w.must(os.Remove(w.live + ".1"))
	r = openReader(t, w.live, logs.Position{})
	if lines := r.drain(); len(lines) < 10 || r.events.corrupt != 1 {
		t.Errorf("%d lines, %d corrupt records", len(lines), r.events.corrupt)
	}
}

func TestTruncation(t *testing.T) {
	t.Run("appending", func(t *testing.T) {
		w := newWriter(t)
		w.number(1, 50)
		r := openReader(t, w.live, logs.Position{})
		r.drain()
		w.must(os.Truncate(w.live, 0))
		w.number(51, 60)
		expect(t, r.drain(), want(1, 60))
	})
	t.Run("grown beyond the old size", func(t *testing.T) {
		w := newWriter(t)
		w.number(1, 10)
		r := openReader(t, w.live, logs.Position{})
		r.drain()
		w.must(os.Truncate(w.live, 0))
		w.number(11, 100)
		expect(t, r.drain(), want(1, 100))
	})
	t.Run("a hole of zeros", func(t *testing.T) {
		w := newWriter(t)
		w.number(1, 5)
		w.rotate() // from now on the engine's descriptor does not append
		w.number(6, 50)
		r := openReader(t, w.live, logs.Position{})
		r.drain()
		w.must(os.Truncate(w.live, 0))
		w.number(51, 60)
		expect(t, r.drain(), want(1, 60))
		if r.events.corrupt > 0 {
			t.Errorf("%d corrupt records", r.events.corrupt)
		}
		// Read from its start, the hole is nothing.
		w.must(os.Remove(w.live + ".1"))
		expect(t, openReader(t, w.live, logs.Position{}).drain(), want(51, 60))
	})
	t.Run("a large hole", func(t *testing.T) {
		w := newWriter(t)
		w.must(os.Truncate(w.live, 3*maxRecord+5))
		w.number(1, 10)
		r := openReader(t, w.live, logs.Position{})
		expect(t, r.drain(), want(1, 10))
		if r.events.corrupt > 0 {
			t.Errorf("%d corrupt records", r.events.corrupt)
		}
	})
}

// TestPartsAcrossFiles: rotation between the parts of a line, and a restart there.
func TestPartsAcrossFiles(t *testing.T) {
	w := newWriter(t)
	w.line(logs.Stdout, "before\n")
	w.line(logs.Stdout, fullPart)
	began := w.now
	w.line(logs.Stderr, "between\n")
	w.rotate()
	w.line(logs.Stderr, "after\n")
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	if len(r.lines) != 3 {
		t.Fatalf("%.300v", r.lines)
	}
	at := r.saved()
	if at.Pending != began || at.File.Behind != [logs.Streams]bool{logs.Stderr: true} {
		t.Errorf("position %+v", at)
	}
	w.now = began
	w.part(logs.Stdout, "end\n")
	last := fmt.Sprintf("%d stdout %send", began, fullPart)
	if got := r.drain(); len(got) != 4 || got[3] != last {
		t.Fatalf("%.300v", got)
	}
	expect(t, openReader(t, w.live, at).drain(), []string{last})
}

// TestHeldLineSameFile: only the held stream is read again after a restart.
func TestHeldLineSameFile(t *testing.T) {
	w := newWriter(t)
	w.line(logs.Stdout, fullPart)
	began := w.now
	w.line(logs.Stderr, "one\n")
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	at := r.saved()
	w.now++
	w.part(logs.Stderr, "two\n")
	w.now = began
	w.part(logs.Stdout, "end\n")
	expect(t, openReader(t, w.live, at).drain(), []string{
		fmt.Sprintf("%d stderr two", began+2), fmt.Sprintf("%d stdout %send", began, fullPart)})
}

func TestCorruptRecords(t *testing.T) {
	w := newWriter(t)
	w.number(1, 2)
	_, err := w.file.WriteString("not json\n\n{\"log\":\"torn")
	w.must(err)
	w.number(3, 4)
	_, err = w.file.WriteString(`{"log":"torn at the end of the file`)
	w.must(err)
	r := openReader(t, w.live, logs.Position{})
	expect(t, r.drain(), want(1, 4))
	w.rotate()
	w.number(5, 6)
	expect(t, r.drain(), want(1, 6))
	if r.events.corrupt != 3 {
		t.Errorf("%d corrupt records", r.events.corrupt)
	}
}

// TestNoRecord: megabytes without line feed cost neither memory nor what follows.
func TestNoRecord(t *testing.T) {
	w := newWriter(t)
	w.number(1, 2)
	_, err := w.file.Write(bytes.Repeat([]byte("y"), 2*maxRecord+7))
	w.must(err)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	at := r.saved()
	_, err = w.file.WriteString("\n")
	w.must(err)
	w.number(3, 4)
	expect(t, r.drain(), want(1, 4))
	expect(t, openReader(t, w.live, at).drain(), want(3, 4))
	if r.events.corrupt != 1 || len(r.buf.b) > chunkSize {
		t.Errorf("%d corrupt records, buffer of %d bytes", r.events.corrupt, len(r.buf.b))
	}
}

// TestInodeReused: the same inode number is not the same file.
func TestInodeReused(t *testing.T) {
	w := newWriter(t)
	w.number(1, 10)
	r := openReader(t, w.live, logs.Position{})
	r.drain()
	at := r.saved()
	r.log.Close()
	w.must(os.Truncate(w.live, 0))
	w.number(11, 60)
	expect(t, openReader(t, w.live, at).drain(), want(11, 60))
}

func TestRefusesWhatDockerNeverMakes(t *testing.T) {
	w := newWriter(t)
	w.must(os.Rename(w.live, w.live+".real"))
	w.must(os.Symlink(w.live+".real", w.live))
	if _, err := Open(Config{Path: w.live, Events: &counter{}}); err == nil {
		t.Error("a symbolic link was opened")
	}
	w.must(os.Remove(w.live))
	w.must(os.Mkdir(w.live, 0o700))
	if _, err := Open(Config{Path: w.live, Events: &counter{}}); err == nil {
		t.Error("a directory was opened")
	}
}

// TestRemoved: an open file outlives its removal.
func TestRemoved(t *testing.T) {
	w := newWriter(t)
	w.number(1, 10)
	r := openReader(t, w.live, logs.Position{})
	r.step()
	w.number(11, 20)
	w.must(os.RemoveAll(filepath.Dir(r.log.Path())))
	expect(t, r.drain(), want(1, 20))
}

// TestClockBackUnderHeldLine: a line is held over a rotation and began, by its time,
// before the line before it. After a restart it is not taken for one handed over.
func TestClockBackUnderHeldLine(t *testing.T) {
	w := newWriter(t)
	w.line(logs.Stdout, "one\n")
	before := w.now
	w.line(logs.Stderr, "two\n")
	w.now = before - 700e6
	w.part(logs.Stdout, fullPart)
	began := w.now
	w.rotate()
	w.now = before + 2
	w.part(logs.Stderr, "three\n")
	r := openReader(t, w.live, logs.Position{})
	if r.drain(); len(r.lines) != 3 {
		t.Fatalf("%q", r.lines)
	}
	at := r.saved()
	w.now = began
	w.part(logs.Stdout, "end\n")
	w.line(logs.Stdout, "four\n")
	expect(t, openReader(t, w.live, at).drain(), []string{
		fmt.Sprintf("%d stdout %send", began, fullPart), fmt.Sprintf("%d stdout four", began+1)})
}

// TestLongFirstRecord: a file is recognised also when its first record is longer than
// what is read first; what was handed over of it does not come again.
func TestLongFirstRecord(t *testing.T) {
	w := newWriter(t)
	w.line(logs.Stdout, strings.Repeat("\x1b", logs.PartSize))
	began := w.now
	w.line(logs.Stderr, "one\n")
	w.line(logs.Stderr, "two\n")
	r := openReader(t, w.live, logs.Position{})
	if r.drain(); len(r.lines) != 2 {
		t.Fatalf("%q", r.lines)
	}
	at := r.saved()
	w.line(logs.Stderr, "three\n")
	r = openReader(t, w.live, at)
	r.buf = NewBufferSize(32 << 10)
	expect(t, r.drain(), []string{fmt.Sprintf("%d stderr three", began+3)})
}
