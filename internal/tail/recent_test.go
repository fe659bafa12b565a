package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestRecent: reading begins at a record, as many bytes before the end as were asked for, over
// the files that are not compressed.
func TestRecent(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC).UnixNano()
	line := func(k int) string { return fmt.Sprintf("line %d %s", k, strings.Repeat("x", k%50)) }
	t.Run("json-file", func(t *testing.T) {
		testRecent(t, logs.JSONLines, func(k int) string {
			return fmt.Sprintf(`{"log":"%s\n","stream":"stdout","time":"2026-11-29T12:00:00.%09dZ"}`+"\n", line(k), k+1)
		})
	})
	t.Run("local", func(t *testing.T) {
		testRecent(t, logs.Frames, func(k int) string { return string(frame(at+int64(k), logs.Stdout, line(k), "", 0)) })
	})
}

func testRecent(t *testing.T, format logs.FileFormat, record func(k int) string) {
	path := filepath.Join(t.TempDir(), "x.log")
	write := func(name string, from, to int) (size int64) {
		var all strings.Builder
		for k := from; k < to; k++ {
			all.WriteString(record(k))
		}
		if err := os.WriteFile(name, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return int64(all.Len())
	}
	oldest, older, live := write(path+".2", 0, 100), write(path+".1", 100, 200), write(path, 200, 300)
	for size, want := range map[int64]struct {
		first int
		whole bool
	}{
		1 << 20:                   {0, true},
		oldest + older + live + 1: {0, true},
		older + live + 1:          {100, false}, // the last byte of the oldest is no record
		older + live:              {100, false},
		live + older/2:            {-150, false},
		live - 1:                  {201, false},
		live / 2:                  {-250, false},
	} {
		at, whole, err := Recent(path, format, size)
		if err != nil || whole != want.whole {
			t.Errorf("%d bytes: whole %v, %v", size, whole, err)
		}
		got := readFrom(t, path, format, at)
		first := 0
		if _, err := fmt.Sscanf(got[0], "line %d", &first); err != nil || len(got) != 300-first {
			t.Errorf("%d bytes: %d lines from %q (%v)", size, len(got), got[0], err)
		}
		if near := -want.first; want.first >= 0 && first != want.first || want.first < 0 && (first < near-10 || first > near+10) {
			t.Errorf("%d bytes: the first is %d, want %d", size, first, want.first)
		}
	}
	if err := os.Rename(path+".2", path+".2.gz"); err != nil {
		t.Fatal(err)
	}
	if _, whole, err := Recent(path, format, 1<<20); err != nil || whole {
		t.Errorf("a compressed one before it: whole %v, %v", whole, err)
	}
	if _, _, err := Recent(path+".no", format, 1); err != nil {
		t.Errorf("a log that is not there: %v", err)
	}
	if err := os.Symlink(path, path+".link"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Recent(path+".link", format, 1); err == nil {
		t.Error("a link was followed")
	}
}

// readFrom returns the lines of a log from a place on.
func readFrom(t *testing.T, path string, format logs.FileFormat, at logs.FilePosition) (lines []string) {
	t.Helper()
	events := &counter{}
	log, err := Open(Config{Path: path, Format: format, Resume: logs.Position{File: at}, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	emit := func(e logs.Entry) { lines = append(lines, string(e.Line)) }
	for more := true; more; {
		progress, err := log.Read(NewBuffer(), emit)
		if err != nil {
			t.Fatal(err)
		}
		more = progress.More
	}
	log.Flush(emit)
	if events.corrupt > 0 {
		t.Errorf("%d stretches that are no record", events.corrupt)
	}
	return lines
}

// TestWrittenSince: files that were closed before a time are left out, whatever is in the others.
func TestWrittenSince(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	now := time.Now()
	record := func(k int) string {
		return fmt.Sprintf(`{"log":"line %d\n","stream":"stdout","time":"2026-11-29T12:00:00.%09dZ"}`+"\n", k, 10-k)
	}
	for name, k := range map[string]int{".3": 0, ".2": 1, ".1": 2, "": 3} {
		if err := os.WriteFile(path+name, []byte(record(k)), 0o600); err != nil {
			t.Fatal(err)
		}
		if at := now.Add(time.Duration(k-3) * time.Hour); os.Chtimes(path+name, at, at) != nil {
			t.Fatal("no times of files")
		}
	}
	for ago, want := range map[time.Duration]int{-time.Minute: 3, time.Minute: 3, 61 * time.Minute: 2, 121 * time.Minute: 1, 24 * time.Hour: 0} {
		got := readFrom(t, path, logs.JSONLines, WrittenSince(path, logs.JSONLines, now.Add(-ago)))
		if got[0] != fmt.Sprint("line ", want) || len(got) != 4-want {
			t.Errorf("%v ago: %q", ago, got)
		}
	}
	if err := os.Rename(path+".2", path+".2.gz"); err != nil {
		t.Fatal(err)
	}
	if at := WrittenSince(path, logs.JSONLines, now.Add(-121*time.Minute)); at != (logs.FilePosition{}) {
		t.Errorf("a compressed file: %+v", at)
	}
	if at := WrittenSince(filepath.Join(t.TempDir(), "none"), logs.JSONLines, now); at != (logs.FilePosition{}) {
		t.Errorf("no file: %+v", at)
	}
}
