package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/watch"
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
	watcher, err := watch.New()
	h.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	told, subscribed, events, running := new(heard), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	d = NewDirectory(h.root, watcher, keepAll, slog.New(slog.DiscardHandler))
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
	ids, _, err := d.List(t.Context())
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
	f := newFollower(NewDirectory(h.root, deaf{}, keepAll, slog.New(slog.DiscardHandler)))
	f.path = filepath.Join(h.root, "containers")
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
		_, _, err := d.List(t.Context())
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
	d := NewDirectory(h.root, deaf{}, keepAll, slog.New(slog.DiscardHandler))
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

// settle makes a container's directory one in which nothing has come or gone lately.
func (h host) settle(id string) {
	h.t.Helper()
	before := time.Now().Add(-time.Minute)
	h.must(os.Chtimes(h.dir(id), before, before))
}

// TestDirectoryOfAStranger: symbolic links are not followed, and what cannot be
// read is a problem that names the file, not a container that is gone.
func TestDirectoryOfAStranger(t *testing.T) {
	h := newHost(t)
	h.create(number(1), "one")
	h.must(os.Symlink(h.dir(number(1)), h.dir(number(2))))
	h.must(os.Mkdir(h.dir(number(3)), 0o710))
	h.must(os.Symlink(filepath.Join(h.dir(number(1)), configFile), filepath.Join(h.dir(number(3)), configFile)))
	h.settle(number(3))
	h.must(os.Mkdir(h.dir(number(4)), 0o710))
	h.must(os.WriteFile(filepath.Join(h.dir(number(4)), configFile), []byte("{"), 0o600))
	h.must(os.WriteFile(filepath.Join(h.dir(number(4)), hostFile), []byte("{}"), 0o600))
	d := NewDirectory(h.root, deaf{}, keepAll, slog.New(slog.DiscardHandler))
	if c, err := d.Inspect(t.Context(), number(2)); err == nil || errors.Is(err, logs.ErrNotFound) {
		t.Errorf("a link for a directory: %+v, %v", c, err)
	}
	for n := 3; n <= 4; n++ {
		c, err := d.Inspect(t.Context(), number(n))
		h.must(err)
		if !c.Partial || c.Name != number(n)[:12] || !strings.Contains(c.Problem, configFile) || !strings.Contains(c.Problem, hostFile) {
			t.Errorf("container %d: %+v", n, c)
		}
	}
}

// TestD17Damaged: of a container whose files are damaged what can be read is read, and the
// problem says what is wrong.
func TestD17Damaged(t *testing.T) {
	const state, good = `"State":{"Running":false,"StartedAt":"2026-01-02T03:04:05Z"},`, `{"LogConfig":{"Type":"local","Config":{"max-size":"1k"}}}`
	id := number(10)
	short := id[:12]
	config := func(name string) string {
		return `{` + state + `"ID":"` + id + `","Config":{"Image":"i","Labels":{"a":"b"}},"Name":` + name + `}`
	}
	for name, test := range map[string]struct {
		config, host, log     string
		called, driver, tells string
		running               bool
	}{
		"no hostconfig.json":       {config(`"/web"`), "-", id + "-json.log", "web", "json-file", hostFile, false},
		"empty hostconfig.json":    {config(`"/web"`), "", id + "-json.log.1", "web", "json-file", "hostconfig.json: it is empty", false},
		"torn hostconfig.json":     {config(`"/web"`), `{"LogConfig":{"Ty`, "local-logs/container.log", "web", "local", hostFile, false},
		"no driver":                {config(`"/web"`), `{"LogConfig":{}}`, "container-cached.log", "web", UnknownDriver, "no possible log driver", false},
		"a driver of another type": {config(`"/web"`), `{"LogConfig":{"Type":7}}`, id + "-json.log", "web", "json-file", hostFile, false},
		"no name":                  {config(`""`), good, id + "-json.log", short, "local", "no possible name", false},
		"an impossible name":       {config(`"/../../x"`), good, id + "-json.log", short, "local", "no possible name", false},
		"a name of another type":   {config(`{}`), good, id + "-json.log", short, "local", `"Name"`, false},
		"empty config.v2.json":     {"", good, id + "-json.log", short, "local", "config.v2.json: it is empty", true},
		"zeros":                    {string(make([]byte, 100)), good, id + "-json.log", short, "local", configFile, true},
		"torn config.v2.json":      {config(`"/web"`)[:100], good, id + "-json.log", short, "local", "ends too early", true},
		"torn at its end":          {strings.TrimSuffix(config(`"/web"`), "}"), good, id + "-json.log", "web", "local", "ends too early", false},
		"another's":                {strings.ReplaceAll(config(`"/web"`), id, number(11)), good, id + "-json.log", short, "local", number(11), true},
		"no state":                 {strings.Replace(config(`"/web"`), state, "", 1), good, id + "-json.log", "web", "local", "no state", true},
		"more behind it":           {config(`"/web"`) + "{}", good, id + "-json.log", "web", "local", configFile, false},
		"neither":                  {"x", "x", id + "-json.log", short, "json-file", hostFile, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.must(os.MkdirAll(filepath.Dir(filepath.Join(h.dir(id), test.log)), 0o700))
			h.must(os.WriteFile(filepath.Join(h.dir(id), test.log), nil, 0o600))
			h.must(os.WriteFile(filepath.Join(h.dir(id), configFile), []byte(test.config), 0o600))
			if test.host != "-" {
				h.must(os.WriteFile(filepath.Join(h.dir(id), hostFile), []byte(test.host), 0o600))
			}
			h.settle(id)
			c, err := NewDirectory(h.root, deaf{}, keepAll, slog.New(slog.DiscardHandler)).Inspect(t.Context(), id)
			h.must(err)
			if !c.Partial || c.ID != id || c.Name != test.called || c.Driver != test.driver || c.Running != test.running || !strings.Contains(c.Problem, test.tells) {
				t.Errorf("%+v", c)
			}
			if _, err := Stored(h.root, id, keepAll); err == nil {
				t.Error("a guess counts as what the engine has stored")
			}
		})
	}
}

// TestD17Unsettled: what is missing while a container is made or removed is not missing.
func TestD17Unsettled(t *testing.T) {
	h := newHost(t)
	h.create(number(1), "one")
	h.must(os.Remove(filepath.Join(h.dir(number(1)), hostFile)))
	d := NewDirectory(h.root, deaf{}, keepAll, slog.New(slog.DiscardHandler))
	if _, err := d.Inspect(t.Context(), number(1)); !errors.Is(err, logs.ErrUnsettled) {
		t.Error(err)
	}
	h.settle(number(1))
	c, err := d.Inspect(t.Context(), number(1))
	h.must(err)
	if !c.Partial || c.Name != "one" {
		t.Errorf("%+v", c)
	}
	h.must(os.Remove(filepath.Join(h.dir(number(1)), configFile)))
	h.settle(number(1))
	if _, err := d.Inspect(t.Context(), number(1)); err == nil || errors.Is(err, logs.ErrNotFound) || !strings.Contains(err.Error(), configFile) {
		t.Error(err)
	}
}

// TestD15LinkedContainers: the directory of containers, and the data root, may be reached
// over links of root's.
func TestD15LinkedContainers(t *testing.T) {
	h := newHost(t)
	other, link := t.TempDir(), filepath.Join(t.TempDir(), "docker")
	h.must(os.Rename(filepath.Join(h.root, "containers"), filepath.Join(other, "disk")))
	h.must(os.Symlink(filepath.Join(other, "disk"), filepath.Join(h.root, "containers")))
	h.must(os.Symlink(h.root, link))
	h.root = link
	h.create(number(1), "one")
	d, told, _ := follow(t, h)
	if ids, _, err := d.List(t.Context()); err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	h.expect(d, number(1), "one")
	h.write(number(1), "renamed", true)
	told.await(t, number(1))
	h.create(number(2), "two")
	told.await(t, number(2))
	h.expect(d, number(2), "two")
}

// TestS2HugeLabel: of a label of many megabytes only what Loki takes is kept, if it is kept
// at all, and reading it costs no memory.
func TestS2HugeLabel(t *testing.T) {
	h := newHost(t)
	id := number(1)
	h.create(id, "one")
	huge := strings.Repeat("x", 40<<20)
	h.must(os.WriteFile(filepath.Join(h.dir(id), configFile), []byte(`{"State":{"Running":true},"ID":"`+id+`","Config":{"Image":"`+huge+
		`","Env":["A=`+huge+`"],"Labels":{"`+huge+`":"","other":"`+huge+`","wanted":"`+huge+`"}},"Name":"/one"}`), 0o600))
	keep := func(label string) bool { return label == "wanted" }
	d := NewDirectory(h.root, deaf{}, keep, slog.New(slog.DiscardHandler))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := d.Inspect(t.Context(), id)
	runtime.ReadMemStats(&after)
	h.must(err)
	if len(c.Labels) != 1 || len(c.Labels["wanted"]) != logs.MaxLabelValue || len(c.Image) != logs.MaxLabelValue || c.Partial || !strings.Contains(c.Problem, "label wanted") {
		t.Errorf("%d labels, %d bytes, image of %d; %.200q", len(c.Labels), len(c.Labels["wanted"]), len(c.Image), c.Problem)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes were allocated", got)
	}
	h.must(os.Truncate(filepath.Join(h.dir(id), configFile), maxStored+1))
	if c, err = d.Inspect(t.Context(), id); err != nil || !c.Partial || !strings.Contains(c.Problem, "larger than") {
		t.Errorf("%+v, %v", c, err)
	}
}

// full is a Watcher that has no watch left, or none for containers.
type full struct{ all bool }

func (w full) WatchDir(path string, _ func(string)) (func(), error) {
	if w.all || filepath.Base(path) != "containers" {
		return nil, unix.ENOSPC
	}
	return func() {}, nil
}

// TestD16DirectoryPolled: what cannot be watched is looked at: containers that come, are
// changed and go are told of, with no instance, no watch at all, and some watches.
func TestD16DirectoryPolled(t *testing.T) {
	for name, watcher := range map[string]Watcher{"no instance": nil, "no watch": full{all: true}, "no more watches": full{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.create(number(1), "old")
			var logged strings.Builder
			d := NewDirectory(h.root, watcher, keepAll, slog.New(slog.NewTextHandler(&logged, nil)))
			ctx, cancel := context.WithCancel(t.Context())
			told, subscribed, ended := new(heard), make(chan struct{}), make(chan error, 1)
			go func() { ended <- d.Events(ctx, func() { close(subscribed) }, told.changed) }()
			<-subscribed
			h.write(number(1), "renamed", true)
			told.await(t, number(1))
			if watcher != (full{}) { // which tells of nothing
				h.create(number(2), "new")
				told.await(t, number(2))
				h.write(number(2), "new", false)
				told.await(t, number(2))
				h.must(os.RemoveAll(h.dir(number(2))))
				told.await(t, number(2))
				containers := filepath.Join(h.root, "containers")
				h.must(os.Rename(containers, containers+".gone"))
			} else {
				cancel()
			}
			if err := <-ended; err == nil {
				t.Error("no error at the end")
			}
			cancel()
			if n := strings.Count(logged.String(), "cannot watch"); n != 1 && watcher != nil || n != 0 && watcher == nil {
				t.Errorf("told %d times: %s", n, logged.String())
			}
		})
	}
}
