package plain

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestAllocated: zeros at the end are room that a writer has made, however much, whether the file
// system has them or not. They are no line, and what is written there is read.
func TestAllocated(t *testing.T) {
	for _, room := range []int64{3, 100, 1 << 20} {
		for _, filled := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "log")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(f.Truncate(room))
			if filled {
				_, err = f.WriteAt(make([]byte, room), 0)
				must(err)
			}
			r := readingOf(path)
			now := time.Now()
			r.config.Now, r.config.Silence = func() time.Time { now = now.Add(time.Second); return now }, time.Millisecond
			read := func() {
				t.Helper()
				for range 3 {
					r.all(t)
				}
				end, err := r.AtEnd()
				if must(err); !end {
					t.Errorf("%d, filled %t: not at the end", room, filled)
				}
			}
			read()
			want := []string{"one", "two", "begun and ended"}
			for _, part := range []string{"one\n", "two\n"} {
				_, err = f.WriteString(part)
				must(err)
				read()
			}
			_, err = f.WriteString("begun and ended\n")
			must(err)
			read()
			if !slices.Equal(r.lines, want) {
				t.Errorf("%d, filled %t: %q, want %q", room, filled, r.lines, want)
			}
			r.Close()
			_ = f.Close()
		}
	}
}
