package tail

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/logs"
)

// keeper is what holds the files of a test, and survives its crashes.
type keeper struct {
	t    *testing.T
	path string
	dir  *hold.Dir
	// format is that of the logs.
	format logs.FileFormat
	*hold.Hold

	mu            sync.Mutex // guards what follows
	files, unread int64
}

// GaveUp implements hold.Metrics.
func (k *keeper) GaveUp(unread int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.files++
	k.unread += unread
}

// id returns a container's ID.
func id(n int) string { return fmt.Sprintf("%064x", n) }

// newKeeper makes one with a directory beside that of the log.
func newKeeper(t *testing.T, maxBytes int64, linked bool) *keeper {
	k := &keeper{t: t}
	if linked {
		k.path = filepath.Join(t.TempDir(), "hold")
	}
	k.restart(maxBytes)
	t.Cleanup(k.crash)
	return k
}

func (k *keeper) crash() {
	if k.dir != nil {
		k.dir.Close()
		k.dir = nil
	}
}

func (k *keeper) restart(maxBytes int64) {
	k.t.Helper()
	k.crash()
	if k.path != "" {
		dir, err := hold.OpenDir(k.path)
		if err != nil {
			k.t.Fatal(err)
		}
		k.dir = dir
	}
	k.Hold = hold.New(hold.Config{MaxBytes: maxBytes, Dir: k.dir, Metrics: k, Log: slog.New(slog.DiscardHandler)})
}

func (k *keeper) reader(live string, n int, from logs.Position) *reader {
	k.t.Helper()
	r := &reader{t: k.t, buf: NewBuffer()}
	l, err := Open(Config{Path: live, Format: k.format, Box: k.Box(id(n)), Resume: from, Events: &r.events})
	if err != nil {
		k.t.Fatal(err)
	}
	r.log = l
	k.t.Cleanup(l.Close)
	return r
}

func (k *keeper) links(n int) (out []string) {
	k.t.Helper()
	entries, err := os.ReadDir(filepath.Join(k.path, id(n)))
	if err != nil && !os.IsNotExist(err) {
		k.t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// deliver releases what the reader has passed on.
func (r *reader) deliver() {
	if release := r.log.Delivered(r.log.Needed()); release != nil {
		release()
	}
}

// TestLinkedWhileAway: what was open when we went is read when we come back,
// once and in order, whatever rotation did; then the links go.
func TestLinkedWhileAway(t *testing.T) {
	for _, test := range []struct {
		name      string
		maxFiles  int
		compress  bool
		rotations int
		// lost is the number of files made and deleted while we were away.
		lost int
	}{
		{"no rotation", 2, false, 0, 0}, {"still there", 3, false, 1, 0}, {"gone", 2, false, 2, 0},
		{"long gone", 2, false, 5, 3}, {"compressed", 3, true, 1, 0}, {"compressed and gone", 2, true, 4, 2},
		{"one file", 1, false, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := newKeeper(t, 0, true)
			w := newWriter(t)
			w.maxFiles, w.compress = test.maxFiles, test.compress
			w.number(1, 10)
			r := k.reader(w.live, 1, logs.Position{})
			expect(t, r.drain(), want(1, 10))
			at := r.saved()
			w.number(11, 20) // not read
			r.log.Close()
			for i := range test.rotations {
				w.rotate()
				w.number(21+10*i, 30+10*i)
			}
			k.restart(0)
			again := k.reader(w.live, 1, at)
			left := append(want(11, 20), want(21+10*test.lost, 20+10*test.rotations)...)
			expect(t, again.drain(), left)
			again.deliver()
			if got := k.links(1); len(got) != 1 {
				t.Errorf("links left: %v", got)
			}
			if got := k.Stats(); got.Bytes != 0 || got.Links != 1 || got.Problem != nil {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestV1LinkedAgain: a file that is linked already, and by a clock that was set back seems
// to be newer than all that is linked, is one file all the same.
func TestV1LinkedAgain(t *testing.T) {
	k := newKeeper(t, 0, true)
	w := newWriter(t)
	w.number(1, 10)
	r := k.reader(w.live, 1, logs.Position{})
	w.rotate()
	w.must(r.log.Capture())
	w.number(11, 20)
	r.log.Close()
	k.restart(0)
	box, in := k.Box(id(1)), formatOf(logs.JSONLines)
	files, names, _, err := openAll(w.live, in, logs.FilePosition{}, 0)
	w.must(err)
	files[0].made = files[1].made + 1
	linkFirst(box, files, false)
	held, err := openHeld(box, in)
	w.must(err)
	all, _ := merge(held, files, w.live, names)
	defer closeAll(all)
	if len(all) != 2 || all[0].id != files[0].id || all[1].id != files[1].id {
		t.Errorf("%d files", len(all))
	}
	if got := k.links(1); len(got) != 2 {
		t.Errorf("links: %v", got)
	}
}

// TestRemovedWhileAway: the directory is gone, the links are all there is. Nobody
// says any more what the driver was.
func TestRemovedWhileAway(t *testing.T) {
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		t.Run(fmt.Sprint(format), func(t *testing.T) { removedWhileAway(t, format) })
	}
}

func removedWhileAway(t *testing.T, format logs.FileFormat) {
	k := newKeeper(t, 0, true)
	w := newWriter(t)
	w.format, k.format = format, format
	w.number(1, 10)
	r := k.reader(w.live, 1, logs.Position{})
	w.rotate()
	w.must(r.log.Capture())
	w.number(11, 20)
	r.step()
	at := r.saved()
	r.log.Close()
	w.must(os.RemoveAll(filepath.Dir(w.live)))
	k.restart(0)
	k.format = logs.JSONLines
	if got := k.Stats(); got.Files != 2 {
		t.Fatalf("%+v", got)
	}
	again := k.reader("", 1, at)
	expect(t, append(r.lines, again.drain()...), want(1, 20))
	if again.log.Detached() {
		t.Error("detached")
	}
	again.log.Close()
	k.Leave(id(1))
	k.Remove(id(1))
	if entries, err := os.ReadDir(k.path); err != nil || len(entries) > 0 {
		t.Errorf("left %v %v", entries, err)
	}
}

// TestReleaseOnDelivery: not before, and not what a line held back needs.
func TestReleaseOnDelivery(t *testing.T) {
	k := newKeeper(t, 0, true)
	w := newWriter(t)
	w.number(1, 10)
	w.line(logs.Stdout, fullPart)
	began := w.now
	r := k.reader(w.live, 1, logs.Position{})
	w.rotate()
	w.must(r.log.Capture())
	w.line(logs.Stderr, "after\n")
	r.drain()
	r.deliver()
	if got := k.links(1); len(got) != 2 {
		t.Fatalf("links: %v", got)
	}
	w.now = began
	w.part(logs.Stdout, "end\n")
	r.drain()
	if got := k.links(1); len(got) != 2 {
		t.Fatalf("links: %v", got)
	}
	r.log.Close()
	r.deliver() // acks come after the end, too
	if got := k.links(1); len(got) != 1 {
		t.Errorf("links: %v", got)
	}
}

// TestFinishedWhileAway: links of files before the position are released, but
// only when asked: in one process they may be on their way.
func TestFinishedWhileAway(t *testing.T) {
	k := newKeeper(t, 0, true)
	w := newWriter(t)
	w.number(1, 10)
	r := k.reader(w.live, 1, logs.Position{})
	w.rotate()
	w.must(r.log.Capture())
	w.number(11, 20)
	r.drain()
	at := r.saved()
	r.log.Close()
	k.restart(0)
	again := k.reader(w.live, 1, at)
	if len(again.drain()) > 0 || len(k.links(1)) != 2 || !again.log.Linked() {
		t.Errorf("%v, %v", again.lines, k.links(1))
	}
	again.deliver()
	if len(k.links(1)) != 1 || again.log.Linked() {
		t.Errorf("%v", k.links(1))
	}
}

// TestDetachedByLink: our own link is no place where the engine would write.
func TestDetachedByLink(t *testing.T) {
	k := newKeeper(t, 0, true)
	w := newWriter(t)
	w.number(1, 2)
	r := k.reader(w.live, 1, logs.Position{})
	w.must(os.Rename(w.live, w.live+".moved"))
	if r.log.Detached() {
		t.Error("renamed: detached")
	}
	dir := filepath.Dir(w.live)
	w.must(os.Rename(dir, dir+".moved"))
	t.Cleanup(func() { w.must(os.RemoveAll(dir + ".moved")) })
	if !r.log.Detached() {
		t.Error("its directory is moved away: not detached")
	}
	w.must(os.Remove(dir + ".moved/" + filepath.Base(w.live) + ".moved"))
	if r.log.Detached() {
		t.Error("deleted: detached")
	}
}

// TestTwiceAfterCrash: both the file and its compressed successor are linked.
func TestTwiceAfterCrash(t *testing.T) {
	k := newKeeper(t, 0, true)
	w := newWriter(t)
	w.number(1, 10)
	r := k.reader(w.live, 1, logs.Position{})
	r.log.Close()
	links := k.links(1)
	content, err := os.ReadFile(w.live)
	w.must(err)
	w.must(os.WriteFile(filepath.Join(k.path, id(1), links[0][:10]+"-1.gz"), compressed(t, content), 0o600))
	w.must(os.RemoveAll(filepath.Dir(w.live)))
	k.restart(0)
	again := k.reader("", 1, logs.Position{})
	expect(t, again.drain(), want(1, 10))
	if got := k.links(1); len(got) != 1 {
		t.Errorf("links: %v", got)
	}
}
