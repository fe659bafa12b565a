package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// generations makes a directory with offset 1 in the generation before and 2
// in the present one, and returns the content of both files.
func generations(t *testing.T, dir string) (previous, current []byte) {
	t.Helper()
	s, _ := open(t, dir)
	for n := range int64(2) {
		s.SetLabels("a", []LabelsSince{{Labels: labels("a")}})
		s.Commit("a", position(n+1))
		s.Commit("b", position(n+1))
		mustSave(t, s)
	}
	mustClose(t, s)
	return readFile(t, dir, previousName), readFile(t, dir, currentName)
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// generation opens dir and tells which generation it holds; 0 is none.
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

// TestKilledBetweenSteps stops a save after each of its steps.
func TestKilledBetweenSteps(t *testing.T) {
	before, after := generations(t, t.TempDir())
	for steps, want := range []int64{1, 1, 1, 2, 2} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, currentName), before)
		for _, step := range replaceSteps[:steps] {
			if err := step(dir, after); err != nil {
				t.Fatal(err)
			}
		}
		if got, j := generation(t, dir); got != want || j.count("WARN") != 0 {
			t.Errorf("killed after step %d: generation %d, want %d, %d warnings", steps, got, want, j.count("WARN"))
		}
		// The next save must not stumble over what was left.
		if err := replace(dir, after); err != nil {
			t.Error(err)
		}
		if got, _ := generation(t, dir); got != 2 {
			t.Errorf("saved after a kill after step %d: generation %d", steps, got)
		}
	}
}

// TestKilledWithinSteps leaves what a kill within a step leaves.
func TestKilledWithinSteps(t *testing.T) {
	before, after := generations(t, t.TempDir())
	for name, leave := range map[string]func(dir string){
		"half a new file": func(dir string) { write(t, filepath.Join(dir, newName), after[:len(after)/2]) },
		"a second name": func(dir string) {
			if err := os.Link(filepath.Join(dir, currentName), filepath.Join(dir, linkName)); err != nil {
				t.Fatal(err)
			}
		},
		"no hard links": func(dir string) {
			if err := os.Rename(filepath.Join(dir, currentName), filepath.Join(dir, previousName)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, currentName), before)
		leave(dir)
		if got, _ := generation(t, dir); got != 1 {
			t.Errorf("%s: generation %d", name, got)
		}
		if err := replace(dir, after); err != nil {
			t.Error(err)
		}
		if got, _ := generation(t, dir); got != 2 {
			t.Errorf("saved after %s: generation %d", name, got)
		}
	}
}

func TestCutAtEveryByte(t *testing.T) {
	before, after := generations(t, t.TempDir())
	for n := range after {
		if _, err := decode(after[:n]); err == nil {
			t.Fatalf("a file cut at byte %d passes", n)
		}
	}
	dir := t.TempDir()
	for n := 0; n < len(after); n += 97 {
		write(t, filepath.Join(dir, previousName), before)
		write(t, filepath.Join(dir, currentName), after[:n])
		if got, j := generation(t, dir); got != 1 || j.count("set aside") != 1 || j.count("save before the last") != 1 {
			t.Fatalf("cut at byte %d: generation %d, log:\n%s", n, got, j.buf.String())
		}
	}
}

func TestChangedAtEveryByte(t *testing.T) {
	_, data := generations(t, t.TempDir())
	version := strings.IndexByte(string(data), ' ') + 1
	for n := range data {
		changed := append([]byte(nil), data...)
		changed[n] ^= 0x10
		if _, err := decode(changed); err == nil {
			t.Errorf("a file changed at byte %d passes", n)
		}
		changed[n] = data[n] ^ 1
		if _, err := decode(changed); err == nil && n != version {
			t.Errorf("a file changed at byte %d passes", n)
		}
	}
}

func TestBothGenerationsDamaged(t *testing.T) {
	dir := t.TempDir()
	before, after := generations(t, dir)
	write(t, filepath.Join(dir, currentName), append(after, 'x'))
	write(t, filepath.Join(dir, previousName), before[1:])
	got, j := generation(t, dir)
	if got != 0 || j.count("set aside") != 2 || j.count("no earlier positions are left") != 1 {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
	kept, err := filepath.Glob(filepath.Join(dir, currentName+".damaged-*"))
	if err != nil || len(kept) != 1 {
		t.Errorf("set aside: %q, %v", kept, err)
	}
}

// TestHealed: after a fallback the directory is whole again with the next save,
// and the good generation is not lost on the way.
func TestHealed(t *testing.T) {
	dir := t.TempDir()
	_, after := generations(t, dir)
	write(t, filepath.Join(dir, currentName), after[1:])
	s, _ := open(t, dir)
	mustSave(t, s)
	mustClose(t, s)
	if got, j := generation(t, dir); got != 1 || j.count("WARN") != 0 {
		t.Errorf("generation %d, log:\n%s", got, j.buf.String())
	}
}

func TestNewerVersionIsKept(t *testing.T) {
	for _, name := range []string{currentName, previousName} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		write(t, path, []byte("lighterman-positions 7\nwhatever comes"))
		_, err := Open(dir, (&journal{}).logger())
		if err == nil || !strings.Contains(err.Error(), "version 7") || !strings.Contains(err.Error(), "version 1 only") {
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
