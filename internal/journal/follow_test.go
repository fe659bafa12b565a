package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/watch"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/wait"
)

// watched makes a journal that is told of changes.
func watched(t *testing.T, config Config) *Journal {
	t.Helper()
	w, err := watch.New()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	config.Watch = func(dir string, changed func(bool)) (Watch, error) { return w.AddDir(dir, changed) }
	j := New(config)
	t.Cleanup(j.Close)
	return j
}

// sleep waits until a log that has nothing to read is woken.
func (r *reading) sleep(t *testing.T, what string) {
	t.Helper()
	woken := make(chan struct{})
	if !r.Arm(func() { close(woken) }) {
		t.Fatal("nothing reports changes")
	}
	if !r.AtEnd() {
		return // it has come meanwhile
	}
	select {
	case <-woken:
	case <-time.After(time.Minute):
		t.Fatalf("not woken by %s", what)
	}
}

// TestWakes: a sleeping log is woken by what its container writes, in whatever file,
// and not by others.
func TestWakes(t *testing.T) {
	d := journald.Start(t)
	j := watched(t, Config{Dirs: d.Dirs()})
	wait.For(t, time.Minute, "the journal to be readable", func() bool { return j.Readable() == nil })
	r, other := j.read(id(1), logs.Position{}), j.read(id(2), logs.Position{})
	defer r.Close()
	defer other.Close()
	other.drain()
	var others atomic.Int32
	if !other.Arm(func() { others.Add(1) }) {
		t.Fatal("nothing reports changes")
	}
	c := d.Container(t, id(1))
	var want []string
	for i, act := range []func(){func() {}, func() {}, func() { d.Rotate(t) }, func() { d.Flush(t) }, func() { d.Rotate(t) }} {
		r.drain()
		act()
		lines := numbered(i, i+1)
		write(c, lines)
		want = append(want, lines...)
		for len(r.lines) < len(want) {
			r.sleep(t, fmt.Sprint("line ", i))
			r.drain()
		}
		if i == 1 && others.Load() != 0 {
			t.Error("another's line woke it")
		}
	}
	if others.Load() == 0 {
		t.Error("it was not told of a new file")
	}
	r.expect(t, want)
}

// TestAfterTheAPI: a position without a place in the journal, as the API leaves it,
// goes on behind its newest lines.
func TestAfterTheAPI(t *testing.T) {
	d := journald.Start(t)
	j := open(d)
	defer j.Close()
	write(d.Container(t, id(1)), numbered(0, 500))
	r := j.read(id(1), logs.Position{})
	defer r.Close()
	r.await(t, 500)
	for _, n := range []int{1, 250, 499} {
		half := j.read(id(1), logs.Position{})
		for len(half.lines) < n {
			half.Read(half.scratch, 1, half.emit)
		}
		at := half.Position()
		half.Close()
		at.Journal = [logs.Streams]logs.JournalPosition{}
		// Left again within what is known already, and gone on with.
		first := j.read(id(1), at)
		first.Read(first.scratch, 1, first.emit)
		again := j.read(id(1), first.Position())
		again.await(t, 500-n-len(first.lines))
		if all := slices.Concat(first.lines, again.lines); all[0] != r.lines[n] {
			t.Errorf("after %d lines it goes on with %q", n, all[0])
		}
		first.Close()
		again.Close()
	}
}

// TestPendingKept: a line was held back when the API was left. The journal is opened, and left
// again before the line was read: the API goes on from the line all the same.
func TestPendingKept(t *testing.T) {
	d := journald.Start(t)
	j := open(d)
	defer j.Close()
	c := d.Container(t, id(1))
	write(c, numbered(0, 3))
	all := j.read(id(1), logs.Position{})
	defer all.Close()
	all.await(t, 3)
	from := all.Position()
	from.Journal, from.Pending = [logs.Streams]logs.JournalPosition{}, all.times[0]
	for range 2 {
		r := j.read(id(1), from)
		from = r.Position()
		r.Close()
		if from.Pending != all.times[0] {
			t.Errorf("opened, pending since %d, want %d", from.Pending, all.times[0])
		}
	}
	write(c, numbered(3, 4))
	r := j.read(id(1), from)
	defer r.Close()
	r.await(t, 1)
	if p := r.Position(); p.Pending != 0 {
		t.Errorf("read, pending since %d", p.Pending)
	}
}

// TestDeletedIsHeld: a file that is deleted while nobody reads it is read all the same,
// unless it is larger than what may be held: then that is told, once per container.
func TestDeletedIsHeld(t *testing.T) {
	for _, bytes := range []int64{0, 1 << 20} {
		t.Run(fmt.Sprint("hold-bytes=", bytes), func(t *testing.T) {
			d := journald.Start(t)
			j := watched(t, Config{Dirs: d.Dirs(), HoldBytes: bytes})
			r := j.read(id(1), logs.Position{})
			defer r.Close()
			c := d.Container(t, id(1))
			write(c, numbered(0, 100))
			check := j.read(id(1), logs.Position{})
			check.await(t, 100)
			d.Rotate(t)
			for _, file := range d.Files(t) {
				if strings.Contains(file, "@") {
					if err := os.Remove(file); err != nil {
						t.Fatal(err)
					}
				}
			}
			check.Close()
			write(c, numbered(100, 110))
			want := 110
			if bytes > 0 {
				want = 10
			}
			wait.For(t, time.Minute, "the journal to be looked at", func() bool {
				j.Look()
				return bytes == 0 || j.given() > 0
			})
			r.await(t, want)
			if told := r.events.corrupt; (told != 0) != (bytes > 0) {
				t.Errorf("told %d times of what is lost", told)
			}
		})
	}
}

// given counts the files given up.
func (j *Journal) given() (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.files {
		if f.abandoned {
			n++
		}
	}
	return n
}

// TestStuckIsPolled: nothing tells that an entry which cannot be read has been waited
// for long enough.
func TestStuckIsPolled(t *testing.T) {
	d := journald.Start(t)
	write(d.Container(t, id(1)), numbered(0, 100))
	check := open(d)
	r := check.read(id(1), logs.Position{})
	r.await(t, 100)
	r.Close()
	check.Close()
	d.Kill9(t)
	for _, file := range d.Files(t) {
		overcount(t, file, id(1), 1)
	}
	r = watched(t, Config{Dirs: d.Dirs()}).read(id(1), logs.Position{})
	defer r.Close()
	if r.drain(); r.Arm(func() {}) {
		t.Error("it sleeps while it waits for an entry")
	}
	if !wait.Until(time.Minute, func() bool { r.drain(); return r.Arm(func() {}) }) {
		t.Error("it never sleeps again")
	}
	if len(r.lines) != 100 || r.events.corrupt != 1 {
		t.Errorf("%d lines, %d corrupt", len(r.lines), r.events.corrupt)
	}
}

// TestDirectoryMadeAnew: a directory that is deleted and made again before anybody
// has looked is watched again.
func TestDirectoryMadeAnew(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, journald.MachineID)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	j := watched(t, Config{Dirs: []string{top}})
	var mu sync.Mutex
	times, watch := 0, j.config.Watch
	j.config.Watch = func(path string, changed func(bool)) (Watch, error) {
		mu.Lock()
		defer mu.Unlock()
		if path == dir {
			times++
		}
		return watch(path, changed)
	}
	j.Look()
	j.scans.Lock() // nobody looks
	err := errors.Join(os.Remove(dir), os.Mkdir(dir, 0o755))
	j.scans.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if !wait.Until(time.Minute, func() bool { mu.Lock(); defer mu.Unlock(); return times == 2 }) {
		t.Error("the new directory is not watched")
	}
}

// TestReadable: why a journal cannot be read.
func TestReadable(t *testing.T) {
	d := journald.Start(t)
	fresh := open(d)
	defer fresh.Close()
	wait.For(t, time.Minute, "the journal to be readable", func() bool { fresh.Look(); return fresh.Readable() == nil })
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "system.journal"), []byte(strings.Repeat("no journal", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	for want, config := range map[string]Config{
		"there is no journal in " + nowhere:          {Dirs: []string{nowhere}},
		"system.journal: corrupt journal file":       {Dirs: []string{broken}},
		"the journal is not that of the running sys": {Dirs: d.Dirs(), Boot: logs.ID128{1}},
	} {
		config.Log = quiet
		if err := New(config).Readable(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	j := open(d)
	defer j.Close()
	if j.Has(id(1)) {
		t.Error("it has what nobody wrote")
	}
	d.Container(t, id(1)).Line("stdout", "a")
	wait.For(t, time.Minute, "the line to be there", func() bool { return j.Has(id(1)) })
}
