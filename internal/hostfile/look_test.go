package hostfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
)

// TestStems: what rotation makes of names, and what it does not.
func TestStems(t *testing.T) {
	for name, want := range map[string][]string{
		"a.log.1":                 {"a.log"},
		"a.log.12.gz":             {"a.log"},
		"a.log-20261129":          {"a.log"},
		"a.log-20261129.gz":       {"a.log"},
		"a.log-2026-11-29_13:00":  {"a.log"},
		"a-20261129.log":          {"a.log"},
		"a.1.log":                 {"a.log"},
		"a.log.old":               {"a.log"},
		"syslog.1":                {"syslog"},
		"a.log":                   nil,
		"a.log.gz":                nil,
		"a.log.12345":             nil,
		"app2.log":                nil,
		"a.log-1":                 nil,
		"kern.log-20261129-12345": {"kern.log"},
	} {
		got := stems(name)
		if len(got) > 1 {
			got = got[:1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// found looks, and returns the names of what is collected, with a refusal behind each that has
// one.
func wantedBy(t *testing.T, f *Finder, dir string) (out []string) {
	t.Helper()
	f.Look()
	set, known := f.Wanted()
	if !known {
		t.Fatal("nothing is known")
	}
	for _, c := range set {
		name, _ := filepath.Rel(dir, c.Path)
		if c.Problem != "" {
			name += ": " + c.Problem
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// TestWhatIsOpened: globs with any number of directories, exclusions, links, and what is refused.
func TestWhatIsOpened(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("line\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.log", "b/c/d.log", "b/out.log", "b/e.txt", "x/system.journal", "x/old.log.xz"} {
		write(name, 0o644)
	}
	write("key", 0o600)
	write("own.log", 0o600)
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(dir, "b/e.txt"), "link.log")
	link("/etc", "etc.d")
	if err := os.Link(filepath.Join(dir, "a.log"), filepath.Join(dir, "same.log")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		section Section
		want    []string
	}{
		{"one directory", Section{Paths: []string{"/*.log"}, Exclude: []string{"/own.*"}}, []string{"a.log"}},
		{"all directories", Section{Paths: []string{"/**/*.log"}, Exclude: []string{"/b/out.log"}}, []string{"a.log", "b/c/d.log", "own.log"}},
		{"all files", Section{Paths: []string{"/**/*"}, Exclude: []string{"/**/*.log"}}, []string{
			"b/e.txt", "key: only its owner may read it, and the glob does not say what it is called: name it, or its ending, as in *.log",
			"x/old.log.xz: it is compressed with something else than gzip", "x/system.journal: it is a file of systemd's journal, which is not text",
		}},
		{"a link", Section{Paths: []string{"/link.log"}, FollowLinks: true}, []string{"b/e.txt"}},
		{"a link that is not followed", Section{Paths: []string{"/link.log"}}, nil},
		{"a link to a directory", Section{Paths: []string{"/**/passwd", "/*/passwd"}, FollowLinks: true}, nil},
		{"nothing", Section{Paths: []string{"/none/*"}}, nil},
	} {
		s := Section{Name: "files[0]", FollowLinks: c.section.FollowLinks}
		for _, p := range c.section.Paths {
			s.Paths = append(s.Paths, dir+p)
		}
		for _, p := range c.section.Exclude {
			s.Exclude = append(s.Exclude, dir+p)
		}
		f := New(Config{Sections: []Section{s}, Store: checkpoint.NewMemory(), Born: time.Now(), Log: quiet, Updated: func() {}})
		got := wantedBy(t, f, dir)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestMostFiles: those beyond the most are named and not read, and those that are read stay.
func TestMostFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("line\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	store := checkpoint.NewMemory()
	f := New(Config{Sections: []Section{{Name: "files[0]", Paths: []string{dir + "/*.log"}}}, Store: store, Most: 2, Born: time.Now(), Log: quiet, Updated: func() {}})
	write("x.log")
	write("y.log")
	if got := wantedBy(t, f, dir); len(got) != 2 || f.Problem() != "" {
		t.Errorf("%q, %q", got, f.Problem())
	}
	set, _ := f.Wanted()
	for id := range set {
		store.Commit(id, logs.Position{Last: 1})
	}
	write("a.log")
	if got := wantedBy(t, f, dir); !slices.Equal(got, []string{"x.log", "y.log"}) || !strings.Contains(f.Problem(), "3 files are named and 2 collected") {
		t.Errorf("%q, %q", got, f.Problem())
	}
}

// collecting is a host whose lines are read as soon as they are there, hours after they were
// written.
func collecting(t *testing.T) *host {
	h := &host{t: t, dir: t.TempDir(), born: time.Now().Add(-time.Hour), shown: make(map[string]int64), gap: make(map[int]bool), now: time.Now().Add(2 * time.Hour).UnixNano()}
	h.start()
	t.Cleanup(func() { h.end() })
	return h
}

// TestEditors: an editor writes a file anew and renames it, a file is deleted and comes again,
// and one is written over: each line is shown once, and none is missing.
func TestEditors(t *testing.T) {
	h := collecting(t)
	write := func(name, text string) {
		t.Helper()
		h.must(os.WriteFile(h.path(name), []byte(text), 0o644))
	}
	first, want := "", 0
	line := func(n int) string { want = n + 1; return fmt.Sprintf("line %d %s\n", n, strings.Repeat("y", 40)) }
	for n := range 50 {
		first += line(n)
	}
	expect := func(after string) {
		t.Helper()
		h.settle()
		if len(h.shown) != want {
			t.Fatalf("after %s %d lines are shown, not %d: %v", after, len(h.shown), want, h.trace)
		}
	}
	write("a.log", first)
	expect("the first")
	write("a.log~", first+line(50))
	h.must(os.Rename(h.path("a.log~"), h.path("a.log")))
	expect("an editor")
	h.must(os.Remove(h.path("a.log")))
	h.look()
	write("a.log", line(51))
	expect("a new file")
	write("a.log", line(52)+line(53))
	expect("one that was written over")
	h.end()
	h.start()
	expect("a restart")
}

// TestInodeAgain: a new file that has the inode of one that is gone is another one.
func TestInodeAgain(t *testing.T) {
	h := collecting(t)
	for n := range 20 {
		h.must(os.WriteFile(h.path("a.log"), fmt.Appendf(nil, "line %d %s\n", n, strings.Repeat("z", 40)), 0o644))
		h.settle()
		facts, err := plain.Look(h.path("a.log"))
		h.must(err)
		h.must(os.Remove(h.path("a.log")))
		if n%2 == 0 {
			h.look()
		}
		if len(h.shown) != n+1 {
			t.Fatalf("%d lines of %d, inode %d: %v", len(h.shown), n+1, facts.Inode, h.trace)
		}
	}
}
