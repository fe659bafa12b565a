package plain

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// reading is a file that is read, and what has come of it.
type reading struct {
	*Log
	lines []string
	lost  []int64
	found []bool
}

func (r *reading) LineCut()    {}
func (r *reading) LeftOut(int) {}
func (r *reading) Truncated(found bool, lost int64) {
	r.found, r.lost = append(r.found, found), append(r.lost, lost)
}

func (r *reading) all(t *testing.T) {
	t.Helper()
	for more := true; more; {
		p, err := r.Read(64<<10, func(n int) []byte { return make([]byte, n) }, func(e logs.Entry) { r.lines = append(r.lines, string(e.Line)) })
		if err != nil {
			t.Fatal(err)
		}
		more = p.More
	}
}

func readingOf(path string) *reading {
	r := &reading{}
	facts, _ := Look(path)
	r.Log = Open(Config{
		Path: path, Inode: facts.Inode, Made: facts.Made, MaxLine: 1 << 20, Silence: time.Hour, Events: r,
		Foresee: func(logs.Span) (int, int64, error) { return 0, 0, nil }, Foreseen: func() (int, int64) { return 0, 0 },
	})
	return r
}

// TestAnyBytes: what is no UTF-8 becomes what it becomes in containers' logs, and nothing else
// of a line changes: not a carriage return, a zero or an escape.
func TestAnyBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("a\xff\xfeb\n\n\x1b[31mred\r\n\x00zero\x00\n\xe2\x82\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := readingOf(path)
	defer r.Close()
	r.all(t)
	want := []string{"a\ufffd\ufffdb", "", "\x1b[31mred\r", "\x00zero\x00", "\ufffd"}
	if len(r.lines) != len(want) || r.lines[2] != want[2] || r.lines[3] != want[3] || !strings.HasPrefix(r.lines[0], "a\ufffd") {
		t.Errorf("%q, want %q", r.lines, want)
	}
}

// TestTruncatedWithoutAppending: a writer that goes on at its old offset leaves a hole, which is
// no line, whether the file system knows of it or has zeros there.
func TestTruncatedWithoutAppending(t *testing.T) {
	for _, filled := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "log")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		write := func(text string) {
			t.Helper()
			if _, err := f.WriteString(text); err != nil {
				t.Fatal(err)
			}
		}
		r := readingOf(path)
		var want []string
		for round := range 4 {
			for n := range 3000 {
				line := fmt.Sprintf("line %d of round %d", n, round)
				write(line + "\n")
				want = append(want, line)
			}
			r.all(t)
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			if filled {
				at, _ := f.Seek(0, 1)
				if _, err := f.WriteAt(make([]byte, at), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !slices.Equal(r.lines, want) {
			t.Errorf("filled %t: %d lines, want %d", filled, len(r.lines), len(want))
		}
		r.Close()
		_ = f.Close()
	}
}

// TestLostBytes: what was seen and not read before a truncation is counted, where no copy has it.
func TestLostBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := strings.Repeat("a line\n", 100)
	write(first)
	r := readingOf(path)
	defer r.Close()
	r.all(t)
	write(first + strings.Repeat("not read\n", 10))
	if _, err := r.AtEnd(); err != nil {
		t.Fatal(err)
	}
	write("new\n")
	r.all(t)
	if len(r.lost) != 1 || r.lost[0] != 90 || r.found[0] || r.lines[len(r.lines)-1] != "new" {
		t.Errorf("%v %v, last %q", r.lost, r.found, r.lines[len(r.lines)-1])
	}
}
