package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// generations makes a directory in which both files have offset 2, and returns a file with
// offset 1 and one with offset 2.
func generations(t *testing.T, dir string) (before, after []byte) {
	t.Helper()
	s, _ := open(t, dir)
	for n := range int64(2) {
		s.SetLabels("a", []LabelsSince{{Labels: labels("a")}})
		s.Commit("a", position(n+1))
		s.Commit("b", position(n+1))
		must(t, s.SaveAgain())
		before, after = after, readFile(t, dir, currentName)
	}
	mustClose(t, s)
	return before, after
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	return data
}

// generation opens dir and returns the offset it holds; 0 is none.
func generation(t *testing.T, dir string) (int64, *journal) {
	t.Helper()
	s, j := open(t, dir)
	defer mustClose(t, s)
	r, ok := s.Get("a")
	if !ok {
		return 0, j
	}
	return r.Position.File.Offsets[0], j
}

// TestKilledWhileAFileIsReplaced leaves what a kill within or between the steps leaves.
func TestKilledWhileAFileIsReplaced(t *testing.T) {
	before, after := generations(t, t.TempDir())
	rename := func(dir, from, to string) { must(t, os.Rename(filepath.Join(dir, from), filepath.Join(dir, to))) }
	for name, leave := range map[string]func(dir string){
		"before it":       func(string) {},
		"half a new file": func(dir string) { put(t, filepath.Join(dir, newName), after[:len(after)/2]) },
		"a new file":      func(dir string) { put(t, filepath.Join(dir, newName), after) },
		"no positions": func(dir string) {
			put(t, filepath.Join(dir, newName), after)
			rename(dir, currentName, previousName)
		},
		"all but the sync": func(dir string) {
			put(t, filepath.Join(dir, newName), after)
			rename(dir, currentName, previousName)
			rename(dir, newName, currentName)
		},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, currentName), after)
		put(t, filepath.Join(dir, previousName), before)
		leave(dir)
		if got, j := generation(t, dir); got != 2 || j.count("WARN") != 0 {
			t.Errorf("%s: generation %d, log:\n%s", name, got, j.buf.String())
		}
		// The next save must not stumble over what was left.
		s, j := open(t, dir)
		s.Commit("a", position(3))
		must(t, s.SaveAgain())
		mustClose(t, s)
		if got, next := generation(t, dir); got != 3 || j.count("level")+next.count("level") != 0 {
			t.Errorf("saved after %s: generation %d", name, got)
		}
	}
}

// TestCutAtEveryByte: a file that is cut has what is before, and the other serves.
func TestCutAtEveryByte(t *testing.T) {
	_, after := generations(t, t.TempDir())
	for n := range after {
		if c := decode(after[:n]); c.problem == nil && c.number == decode(after).number {
			t.Fatalf("a file cut at byte %d passes", n)
		}
	}
	dir := t.TempDir()
	for n := 0; n < len(after); n += 97 {
		put(t, filepath.Join(dir, previousName), after)
		put(t, filepath.Join(dir, currentName), after[:n])
		if got, j := generation(t, dir); got != 2 || j.count("was renamed") != 1 || j.count("using positions.previous") != 1 {
			t.Fatalf("cut at byte %d: generation %d, log:\n%s", n, got, j.buf.String())
		}
	}
}

func TestChangedAtEveryByte(t *testing.T) {
	_, data := generations(t, t.TempDir())
	for n := range data {
		for _, bit := range []byte{0x10, 1} {
			changed := append([]byte(nil), data...)
			changed[n] ^= bit
			if decode(changed).problem == nil {
				t.Errorf("a file changed at byte %d passes", n)
			}
		}
	}
}

func TestBothFilesDamaged(t *testing.T) {
	dir := t.TempDir()
	before, after := generations(t, dir)
	put(t, filepath.Join(dir, currentName), after[2:])
	put(t, filepath.Join(dir, previousName), before[1:])
	got, j := generation(t, dir)
	if got != 0 || j.count("was renamed") != 2 || j.count("all files of positions are damaged") != 1 {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
	kept, err := filepath.Glob(filepath.Join(dir, currentName+".damaged-*"))
	if err != nil || len(kept) != 1 {
		t.Errorf("set aside: %q, %v", kept, err)
	}
	// What follows a file's end is no reason not to use it.
	put(t, filepath.Join(dir, currentName), append(after, 'x'))
	put(t, filepath.Join(dir, previousName), before[1:])
	got, j = generation(t, dir)
	if got != 2 || j.count("the end of the positions is damaged") != 1 || j.count("was renamed") != 1 {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
}

// TestHealed: after damage the directory is whole again with the next start, and the sound
// file is not lost on the way.
func TestHealed(t *testing.T) {
	dir := t.TempDir()
	_, after := generations(t, dir)
	put(t, filepath.Join(dir, currentName), after[1:])
	s, _ := open(t, dir)
	mustClose(t, s)
	for _, name := range names {
		put(t, filepath.Join(dir, name), []byte("garbage"))
		if got, _ := generation(t, dir); got != 2 {
			t.Errorf("%s damaged: generation %d", name, got)
		}
	}
}

// TestOlderPositions that were put back do not count while the other file is there.
func TestOlderPositions(t *testing.T) {
	dir := t.TempDir()
	before, _ := generations(t, dir)
	put(t, filepath.Join(dir, currentName), before)
	if got, j := generation(t, dir); got != 2 || j.count("positions.previous has more") != 1 {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
	put(t, filepath.Join(dir, previousName), before)
	if got, j := generation(t, dir); got != 2 || j.count("level") != 0 {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
	put(t, filepath.Join(dir, currentName), before)
	put(t, filepath.Join(dir, previousName), before)
	if got, j := generation(t, dir); got != 1 || j.count("level") != 0 {
		t.Errorf("both: generation %d, log:\n%s", got, j.buf.String())
	}
	for _, name := range names {
		must(t, os.Remove(filepath.Join(dir, name)))
	}
	if got, j := generation(t, dir); got != 0 || j.count("level") != 0 {
		t.Errorf("none: generation %d, log:\n%s", got, j.buf.String())
	}
}

// TestDamageWhileItRuns is noticed by the next save, which makes the directory whole.
func TestDamageWhileItRuns(t *testing.T) {
	for kind, damage := range map[string]func(path string) error{
		"removed":  os.Remove,
		"cut":      func(path string) error { return os.Truncate(path, 40) },
		"replaced": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o600)) },
		"a pipe":   func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)) },
	} {
		for mask := 1; mask < 1<<copies; mask++ {
			dir := t.TempDir()
			s, _ := open(t, dir)
			s.Commit("a", position(1))
			must(t, s.SaveAgain())
			for i, name := range names {
				if mask&(1<<i) != 0 {
					must(t, damage(filepath.Join(dir, name)))
				}
			}
			s.Commit("a", position(2))
			s.Flush()
			mustSave(t, s)
			if got, _ := generation(t, copyDir(t, dir)); got != 2 {
				t.Errorf("%s, %b: generation %d after a save", kind, mask, got)
			}
			s.Commit("a", position(3))
			must(t, s.SaveAgain())
			for _, name := range names {
				if c := decode(readFile(t, dir, name)); c.problem != nil || c.records["a"].position.File.Offsets[0] != 3 {
					t.Errorf("%s, %b: %s: %v", kind, mask, name, c.problem)
				}
			}
			mustClose(t, s)
		}
	}
}

func TestNewerVersionIsKept(t *testing.T) {
	for _, name := range names {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		put(t, path, []byte("lighterman-positions 7\nwhatever comes"))
		_, err := Open(dir, (&journal{}).logger())
		if err == nil || !strings.Contains(err.Error(), "version 7") || !strings.Contains(err.Error(), "version 2 only") {
			t.Errorf("got %v", err)
		}
		if got := readFile(t, dir, name); !strings.HasPrefix(string(got), "lighterman-positions 7") {
			t.Errorf("the file was touched: %q", got)
		}
		if _, err := Open(dir, (&journal{}).logger()); err == nil || strings.Contains(err.Error(), "another lighterman") {
			t.Errorf("a failed Open keeps the lock: %v", err)
		}
	}
}

// TestVersionBefore: it is kept, and it is said why it does not serve.
func TestVersionBefore(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, currentName), []byte("lighterman-positions 1\n{}\nend 1 0\n"))
	if got, j := generation(t, dir); got != 0 || j.count("format version 1") != 1 || j.count("every container is read as if it was new") != 1 {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, currentName+".damaged-*")); len(kept) != 1 {
		t.Errorf("it was not kept: %v", kept)
	}
}
