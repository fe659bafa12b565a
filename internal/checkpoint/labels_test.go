package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLabelsOnAFullDisk: labels that cannot be saved in both files are in neither, however much
// room there is left in one of them; so what is sent after a kill has the labels that were used.
func TestLabelsOnAFullDisk(t *testing.T) {
	mount := t.TempDir()
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=128k,mode=0700"); err != nil {
		skipOrFail(t, "a small tmpfs can be mounted by root only", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	saved, refused := 0, 0
	for pad := range 80 {
		dir := filepath.Join(mount, fmt.Sprint(pad))
		must(t, os.Mkdir(dir, 0o700))
		s, _ := open(t, dir)
		s.SetLabels("a", []LabelsSince{{Labels: labels("old")}})
		must(t, s.SaveAgain())
		must(t, s.SaveAgain())
		for i := range pad { // one file has them appended, the next save would have them in both
			s.Commit(containerID(i%7), position(int64(i)))
			s.Flush()
		}
		filler := filepath.Join(mount, "filler")
		_ = os.WriteFile(filler, make([]byte, 256<<10), 0o600) // until the disk is full
		want := "old"
		if err := s.SaveLabels(map[string][]LabelsSince{"a": {{Labels: labels("old")}, {From: 7, Labels: labels(strings.Repeat("n", 10*pad+1))}}}); err == nil {
			want = strings.Repeat("n", 10*pad+1)
			saved++
		} else {
			refused++
		}
		for _, lost := range []string{"", currentName, previousName} {
			if got := newestLabels(t, dir, lost); got != want {
				t.Errorf("pad %d, without %q: %q, want %q", pad, lost, got, want)
			}
		}
		if r, _ := s.Get("a"); r.Labels[len(r.Labels)-1].Labels.Get("container") != want {
			t.Errorf("pad %d: the store itself has %+v, want %q", pad, r.Labels, want)
		}
		must(t, os.Remove(filler))
		must(t, s.SaveLabels(map[string][]LabelsSince{"a": {{Labels: labels("again")}}}))
		if got := newestLabels(t, dir, ""); got != "again" {
			t.Errorf("pad %d: with room again %q", pad, got)
		}
		mustClose(t, s)
		must(t, os.RemoveAll(dir))
	}
	if saved == 0 || refused == 0 {
		t.Errorf("%d times there was room, %d times none: one of the two was not tried", saved, refused)
	}
}

// newestLabels is the name that container a has after a kill, with one of the files lost.
func newestLabels(t *testing.T, dir, lost string) string {
	t.Helper()
	then := t.TempDir()
	must(t, os.CopyFS(then, os.DirFS(dir)))
	if lost != "" {
		if err := os.Remove(filepath.Join(then, lost)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	s, _ := open(t, then)
	defer mustClose(t, s)
	r, ok := s.Get("a")
	if !ok || len(r.Labels) == 0 {
		return "none"
	}
	return r.Labels[len(r.Labels)-1].Labels.Get("container")
}
