package hostfile

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
)

// old has files last written to an hour ago.
func old(t *testing.T, paths ...string) {
	t.Helper()
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, path := range paths {
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCompressedBeside: a compressed copy stays beside its original, whole or not. It is waited
// for a while only, and then a copy, which is not unpacked again as long as it stays as it is.
func TestCompressedBeside(t *testing.T) {
	text := strings.Repeat("a line of it\n", 100)
	for _, whole := range []bool{true, false} {
		dir := t.TempDir()
		first, second := dir+"/a.log.1", dir+"/a.log.1.gz"
		put(t, dir+"/a.log", text)
		f, s := finding(t, dir+"/*.log")
		deliver(t, f, s)
		if err := os.Rename(dir+"/a.log", first); err != nil {
			t.Fatal(err)
		}
		put(t, dir+"/a.log", "another\n")
		if pack(t, second, text); !whole {
			pack(t, second, text[:len(text)/2])
		}
		old(t, first, second)
		deliver(t, f, s)
		if !f.Look() {
			t.Error("nobody waits for what may be being made")
		}
		for _, c := range f.memory.copies {
			c.since = time.Now().Add(-compressingMost)
		}
		if got := deliver(t, f, s); f.Look() || len(got) != 1 {
			t.Errorf("whole %t: looked again, or %v", whole, got)
		}
		if !whole {
			continue
		}
		packed, err := os.ReadFile(second)
		if err != nil {
			t.Fatal(err)
		}
		put(t, second, strings.Repeat("x", len(packed))) // nobody sees it, as nobody looks into it
		old(t, second)
		if got := deliver(t, f, s); f.Look() || len(got) != 1 {
			t.Errorf("it was looked into: %v", got)
		}
	}
}

// TestPrivateRotated: what only its owner may read is not read under a rotated name either.
func TestPrivateRotated(t *testing.T) {
	dir := t.TempDir()
	f := New(Config{Sections: []Section{{Name: "files[0]", Paths: []string{dir + "/{key,dump}", dir + "/*.log"}}}, Store: checkpoint.NewMemory(), Settle: 1, Updated: func() {}, Born: time.Now().Add(-time.Hour), Log: quiet})
	names := []string{"key", "key.old", "dump", "dump.1", "a.log", "a.log.1"}
	for _, name := range names {
		put(t, filepath.Join(dir, name), "what is in "+name+", in more words than a few\n")
		if !strings.HasPrefix(name, "dump") {
			if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.Look()
	f.Look()
	wanted, _ := f.Wanted()
	var got []string
	for c := range maps.Values(wanted) {
		if c.Problem == "" {
			got = append(got, filepath.Base(c.Path))
		}
	}
	slices.Sort(got)
	if want := []string{"a.log", "a.log.1", "dump", "dump.1"}; !slices.Equal(got, want) {
		t.Errorf("%q is read, want %q", got, want)
	}
	if err := os.Rename(dir+"/dump", dir+"/dump.2"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir+"/dump.2", 0o600); err != nil {
		t.Fatal(err)
	}
	f.Look()
	wanted, _ = f.Wanted()
	for c := range maps.Values(wanted) {
		if filepath.Base(c.Path) == "dump.2" && c.Problem == "" {
			t.Error("a file that became private is read")
		}
	}
}
