package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/test/wait"
)

// number makes an ID.
func number(n int) string { return fmt.Sprintf("%064x", n) }

// host is a data root that the test writes as an engine does.
type host struct {
	t    *testing.T
	root string
}

func newHost(t *testing.T) host {
	t.Helper()
	h := host{t, t.TempDir()}
	h.must(os.Mkdir(filepath.Join(h.root, "containers"), 0o710))
	return h
}

func (h host) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h host) dir(id string) string { return filepath.Join(h.root, "containers", id) }

// write stores a container's state: in temporary files that are renamed,
// hostconfig.json first.
func (h host) write(id, name string, running bool) {
	h.t.Helper()
	config := fmt.Sprintf(`{"ID":%q,"Name":"/%s","Config":{"Image":"i"},"State":{"Running":%v,"StartedAt":"2026-01-02T03:04:05.6Z"}}`, id, name, running)
	for _, file := range [][2]string{{hostFile, `{"LogConfig":{"Type":"json-file"}}`}, {configFile, config}} {
		temporary := filepath.Join(h.dir(id), ".tmp-"+file[0]+"123")
		h.must(os.WriteFile(temporary, []byte(file[1]), 0o600))
		h.must(os.Rename(temporary, filepath.Join(h.dir(id), file[0])))
	}
}

func (h host) create(id, name string) {
	h.t.Helper()
	h.must(os.Mkdir(h.dir(id), 0o710))
	h.write(id, name, false)
}

// heard gathers what a Directory tells.
type heard struct {
	mu  sync.Mutex // guards ids, which the Directory's goroutine writes
	ids []string
}

func (h *heard) changed(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids = append(h.ids, id)
}

// await waits until something was told of a container, and forgets all that was told.
func (h *heard) await(t *testing.T, id string) {
	t.Helper()
	wait.For(t, time.Minute, "something to be told of "+id, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		found := slices.Contains(h.ids, id)
		if found {
			h.ids = nil
		}
		return found
	})
}

// follow runs a Directory's Events until the test ends, and returns when it has
// subscribed. ended receives its error.
func follow(t *testing.T, h host) (d *Directory, told *heard, ended <-chan error) {
	t.Helper()
	watcher, err := tail.NewWatcher()
	h.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	told, subscribed, events, running := new(heard), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	d = NewDirectory(h.root, watcher, slog.New(slog.DiscardHandler))
	go func() { running <- watcher.Run(ctx) }()
	go func() {
		events <- d.Events(ctx, func() { close(subscribed) }, told.changed)
		close(events)
	}()
	t.Cleanup(func() {
		cancel()
		<-events
		if err := <-running; err != nil {
			t.Error(err)
		}
		if n := watcher.Stats().Watches; n != 0 {
			t.Errorf("%d watches left", n)
		}
	})
	<-subscribed
	return d, told, events
}

func (h host) expect(d *Directory, id, name string) {
	h.t.Helper()
	switch c, err := d.Inspect(h.t.Context(), id); {
	case name == "" && errors.Is(err, logs.ErrNotFound):
	case err != nil || c.Name != name:
		h.t.Fatalf("container %s is %+v, %v; want %q", id, c, err, name)
	}
}

// TestDirectory: containers that are there, come, are renamed and go.
func TestDirectory(t *testing.T) {
	h := newHost(t)
	h.create(number(1), "old")
	h.must(os.Mkdir(filepath.Join(h.root, "containers", "lost+found"), 0o700))
	d, told, _ := follow(t, h)
	ids, err := d.List(t.Context())
	if err != nil || !slices.Equal(ids, []string{number(1)}) {
		t.Fatalf("listed %v, %v", ids, err)
	}
	h.expect(d, number(1), "old")
	h.write(number(1), "renamed", true)
	told.await(t, number(1))
	h.expect(d, number(1), "renamed")

	h.must(os.Mkdir(h.dir(number(2)), 0o710))
	told.await(t, number(2))
	h.expect(d, number(2), "") // being made: nothing is known yet
	h.write(number(2), "new", false)
	told.await(t, number(2))
	h.expect(d, number(2), "new")

	h.must(os.Remove(filepath.Join(h.dir(number(2)), hostFile)))
	h.expect(d, number(2), "") // being removed
	h.must(os.RemoveAll(h.dir(number(2))))
	told.await(t, number(2))
	h.expect(d, number(2), "")
}

// TestDirectoryOverflow: when events were lost, all containers are told of: those
// that are there, and those that were.
func TestDirectoryOverflow(t *testing.T) {
	h := newHost(t)
	h.create(number(1), "one")
	f := &follower{directory: NewDirectory(h.root, deaf{}, slog.New(slog.DiscardHandler)), wake: make(chan struct{}, 1),
		dirty: make(map[string]bool), watched: make(map[string]func())}
	f.watched[number(2)] = func() {}
	f.told("")
	var told heard
	h.must(f.pass(t.Context(), told.changed))
	slices.Sort(told.ids)
	if !slices.Equal(told.ids, []string{number(1), number(2)}) {
		t.Errorf("told of %v", told.ids)
	}
	if f.watched[number(1)] == nil || len(f.watched) != 1 {
		t.Errorf("watched: %v", f.watched)
	}
}

// deaf is a Watcher that never tells.
type deaf struct{}

func (deaf) WatchDir(string, func(string)) (func(), error) { return func() {}, nil }

// TestDirectoryReplaced: the directory of all containers goes, or another takes its
// place: that ends the events, and the next attempt says what is missing.
func TestDirectoryReplaced(t *testing.T) {
	for _, back := range []bool{false, true} {
		h := newHost(t)
		d, _, ended := follow(t, h)
		containers := filepath.Join(h.root, "containers")
		h.must(os.Rename(containers, containers+".gone"))
		if back {
			h.must(os.Mkdir(containers, 0o710))
		}
		select {
		case err := <-ended:
			if err == nil {
				t.Error("no error")
			}
		case <-time.After(time.Minute):
			t.Fatal("the events go on")
		}
		_, err := d.List(t.Context())
		if back != (err == nil) || !back && (!errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "docker-root")) {
			t.Errorf("got %v", err)
		}
	}
}

// TestAsOf: that a container does not run holds for what is in its log if nothing
// was written there since the engine said so. Else a new run may have begun.
func TestAsOf(t *testing.T) {
	h := newHost(t)
	id := number(1)
	h.create(id, "c")
	d := NewDirectory(h.root, deaf{}, slog.New(slog.DiscardHandler))
	written := time.Now().Add(-time.Hour).Truncate(time.Second)
	h.must(os.Chtimes(filepath.Join(h.dir(id), configFile), written, written))
	for _, test := range []struct {
		file    string
		after   time.Duration
		running bool
		current bool
	}{
		{"", 0, false, true},
		{id + "-json.log", -time.Minute, false, true},
		{id + "-json.log", 0, false, true},
		{id + "-json.log", time.Minute, false, false},
		{"local-logs/container.log", time.Minute, false, false},
		{"container-cached.log", time.Minute, false, false},
		{id + "-json.log", time.Minute, true, true},
	} {
		path := filepath.Join(h.dir(id), test.file)
		if test.file != "" {
			h.must(os.MkdirAll(filepath.Dir(path), 0o700))
			h.must(os.WriteFile(path, nil, 0o600))
			h.must(os.Chtimes(path, written.Add(test.after), written.Add(test.after)))
		}
		h.write(id, "c", test.running)
		h.must(os.Chtimes(filepath.Join(h.dir(id), configFile), written, written))
		asked := time.Now()
		c, err := d.Inspect(t.Context(), id)
		h.must(err)
		if current := !c.AsOf.Before(asked); current != test.current || !current && !c.AsOf.Equal(written) {
			t.Errorf("%+v: as of %v", test, c.AsOf)
		}
		if test.file != "" {
			h.must(os.Remove(path))
		}
	}
}

// TestDirectoryOfAStranger: symbolic links are not followed, and what cannot be
// read is an error that names the file, not a container that is gone.
func TestDirectoryOfAStranger(t *testing.T) {
	h := newHost(t)
	h.create(number(1), "one")
	h.must(os.Symlink(h.dir(number(1)), h.dir(number(2))))
	h.must(os.Mkdir(h.dir(number(3)), 0o710))
	h.must(os.Symlink(filepath.Join(h.dir(number(1)), configFile), filepath.Join(h.dir(number(3)), configFile)))
	h.must(os.Mkdir(h.dir(number(4)), 0o710))
	h.must(os.WriteFile(filepath.Join(h.dir(number(4)), configFile), []byte("{"), 0o600))
	h.must(os.WriteFile(filepath.Join(h.dir(number(4)), hostFile), []byte("{}"), 0o600))
	d := NewDirectory(h.root, deaf{}, slog.New(slog.DiscardHandler))
	for n := 2; n <= 4; n++ {
		if c, err := d.Inspect(t.Context(), number(n)); err == nil || errors.Is(err, logs.ErrNotFound) {
			t.Errorf("container %d: %+v, %v", n, c, err)
		}
	}
}
