package collect

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/stream"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const began = 1_700_000_000_000_000_000

// host is a host of the imagination: containers, their files, an API that
// serves what the test says, and a lane that delivers at once.
type host struct {
	t      *testing.T
	root   string
	update chan struct{}

	mu         sync.Mutex
	containers map[string]*logs.Container
	bodies     map[string]func(since int64) (io.ReadCloser, error)
	opened     map[string]int
	lines      []string
	refreshed  int
	// unlisted: what the engine has is not known yet.
	unlisted bool
	// partial: there is more than what was inspected until now.
	partial bool
	// frozen keeps what is known as old as it is.
	frozen   bool
	counts   map[string]int
	excluded map[string]bool
	// decides, if not nil, is called before each choice of a route.
	decides func()
	// log, if not nil, is the collector's.
	log *slog.Logger
	// full are the containers without room, and wakes what waits for it.
	full  map[string]bool
	wakes []func()
	// holdBack keeps what After is given in afters.
	holdBack bool
	afters   []func()
	// unanswered keeps what End is given in acks.
	unanswered bool
	acks       []func()

	store     *checkpoint.Store
	collector *Collector
	labels    func(*logs.Container) *logs.Labels
	floor     int64
	// looked counts the looks at the containers.
	looked int
	// last opens the last record of a log.
	last map[string]func() (io.ReadCloser, error)
	// forgotten are the containers that the lane had to forget.
	forgotten []string
	stop      func()
	// hold, if not nil, makes what a collector holds files with.
	hold func() *hold.Hold
	// journal, if not nil, is what containers with the driver journald are read from.
	journal     *journal.Journal
	breadcrumbs *checkpoint.Breadcrumbs
	// stages, if not nil, are what lines go through.
	stages *atomic.Pointer[stage.Timeline]
	// maxLogs is how many logs are open at a time; 0 for all.
	maxLogs int
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, root: t.TempDir(), update: make(chan struct{}, 1),
		containers: make(map[string]*logs.Container), bodies: make(map[string]func(int64) (io.ReadCloser, error)),
		opened: make(map[string]int), counts: make(map[string]int),
		excluded: make(map[string]bool)}
	h.labels = func(c *logs.Container) *logs.Labels {
		return logs.NewLabels(map[string]string{"container": c.Name}, map[string]string{"container_id": c.ID})
	}
	return h
}

// start runs a collector until stop or the test's end.
func (h *host) start() {
	h.t.Helper()
	log := slog.New(strict{cmp.Or(h.log, slog.New(slog.DiscardHandler)).Handler(), h.t})
	store, err := checkpoint.Open(filepath.Join(h.root, "state"), log)
	if err != nil {
		h.t.Fatal(err)
	}
	watcher, err := watch.New()
	if err != nil {
		h.t.Fatal(err)
	}
	h.store = store
	h.collector = New(Config{
		Discovery: h, Engine: h, Store: store, Metrics: h, Watcher: watcher, Log: log,
		Lanes: []Lane{h}, LaneOf: func(string) int { return 0 },
		Route:   h.route,
		Journal: h.journal, Breadcrumbs: h.breadcrumbs, Stages: h.stages, MaxLogs: h.maxLogs,
		Labels: h.labels, PollInterval: time.Millisecond, Floor: h.floor,
	})
	if h.hold != nil {
		h.collector.config.Hold = h.hold()
	}
	h.changed()
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 2)
	go func() { done <- watcher.Run(ctx) }()
	go func() { done <- h.collector.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				h.t.Error(err)
			}
		}
		if err := store.Save(); err != nil {
			h.t.Error(err)
		}
		if err := store.Close(); err != nil {
			h.t.Error(err)
		}
	})
	h.t.Cleanup(h.stop)
}

// strict makes a test fail when an error is logged: that a unit has entered a phase which
// does not follow, or that its container has become what it cannot.
type strict struct {
	slog.Handler
	t *testing.T
}

// Enabled implements slog.Handler.
func (s strict) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError || s.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (s strict) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelError {
		return s.Handler.Handle(ctx, r)
	}
	r.Attrs(func(a slog.Attr) bool { s.t.Error(r.Message, a); return true })
	return nil
}

// WithAttrs implements slog.Handler.
func (s strict) WithAttrs(attrs []slog.Attr) slog.Handler {
	return strict{s.Handler.WithAttrs(attrs), s.t}
}

// route chooses a route as the program does.
func (h *host) route(c *logs.Container) logs.Route {
	if h.decides != nil {
		h.decides()
	}
	return target.Policy{Mode: target.Hybrid, FilePercent: 100, Root: h.root, Journal: func(*logs.Container) error { return nil }}.Decide(c)
}

// set changes a container; nil removes it.
func (h *host) set(id string, c *logs.Container) {
	h.mu.Lock()
	if c == nil {
		delete(h.containers, id)
	} else {
		c.ID = id
		h.containers[id] = c
	}
	h.mu.Unlock()
	h.changed()
}

// known waits until the collector has taken up what there is now: until the look after the
// one that saw it.
func (h *host) known() {
	h.t.Helper()
	looked := func() int { h.mu.Lock(); defer h.mu.Unlock(); return h.looked }
	for range 2 {
		before := looked()
		h.changed()
		h.until(func() bool { return looked() > before }, "a look at the containers")
	}
}

func (h *host) changed() {
	select {
	case h.update <- struct{}{}:
	default:
	}
}

// Updates implements Discovery.
func (h *host) Updates() <-chan struct{} { return h.update }

// Wanted implements Discovery.
func (h *host) Wanted() (map[string]*logs.Container, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looked++
	return maps.Clone(h.containers), !h.unlisted
}

// Known implements Discovery.
func (h *host) Known() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.unlisted
}

// Complete implements Discovery.
func (h *host) Complete() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.unlisted && !h.partial
}

// Exists implements Discovery.
func (h *host) Exists(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.containers[id] != nil || h.excluded[id]
}

// Excluded implements Discovery.
func (h *host) Excluded(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.excluded[id]
}

// Refresh implements Discovery.
func (h *host) Refresh(id string) {
	h.mu.Lock()
	h.refreshed++
	if c := h.containers[id]; c != nil && !h.frozen {
		again := *c
		again.AsOf = time.Now()
		h.containers[id] = &again
	}
	h.mu.Unlock()
	h.changed()
}

// Logs implements Engine.
func (h *host) Logs(_ context.Context, id string, since int64) (io.ReadCloser, error) {
	h.mu.Lock()
	h.opened[id]++
	body := h.bodies[id]
	h.mu.Unlock()
	if body == nil {
		return nil, logs.ErrNotFound
	}
	return body(since)
}

// Tail implements Engine: the whole log, in which a resumed one has its place.
func (h *host) Tail(ctx context.Context, id string, _ int) (io.ReadCloser, error) {
	return h.Logs(ctx, id, 0)
}

// Begin, TryBegin, After, End and Flush implement Lane.
func (h *host) Begin(ctx context.Context, _ string, d *logs.Draft) error {
	d.Open(1<<20, 1<<20)
	return ctx.Err()
}

func (h *host) TryBegin(id string, d *logs.Draft, wake func()) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.full[id] {
		h.wakes = append(h.wakes, wake)
		return 0, nil
	}
	d.Open(1<<20, 1<<20)
	return 1 << 20, nil
}

func (h *host) After(_ string, delivered func()) {
	h.mu.Lock()
	later := h.holdBack
	if later {
		h.afters = append(h.afters, delivered)
	}
	h.mu.Unlock()
	if !later {
		delivered()
	}
}

// Forget implements Lane.
func (h *host) Forget(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgotten = append(h.forgotten, id)
}

// Last implements Engine: a log whose end is not known, unless the test says it.
func (h *host) Last(_ context.Context, id string) (io.ReadCloser, error) {
	h.mu.Lock()
	last := h.last[id]
	h.mu.Unlock()
	if last == nil {
		return nil, logs.ErrNotFound
	}
	return last()
}

// Newest implements Engine.
func (h *host) SkipsRotated() bool { return false }

func (h *host) Newest(context.Context, string, bool, int64) (int64, error) { return 0, nil }

func (h *host) End(_ string, d *logs.Draft, delivered func()) {
	h.mu.Lock()
	if d.Behind {
		h.counts["behind"]++
	}
	d.HandOver(func(part *logs.Part) {
		for _, g := range part.Batch.Groups {
			for i, at := range g.Times {
				h.lines = append(h.lines, fmt.Sprintf("%s %s %d %s", g.Labels.Get("container"), g.Stream, at-began, g.Line(i)))
			}
		}
	})
	later := h.unanswered && delivered != nil
	if later {
		h.acks = append(h.acks, delivered)
	}
	h.mu.Unlock()
	if delivered != nil && !later {
		delivered()
	}
}

func (h *host) Flush() {}

func (h *host) Due() time.Time          { return time.Time{} }
func (h *host) Round(int) time.Duration { return 0 }

// Lines and the others implement Metrics.
func (h *host) Dropped(_ string, n int) { h.mu.Lock(); h.counts["dropped"] += n; h.mu.Unlock() }

func (h *host) Joined(int) {}

func (h *host) Lines(string, int, int) {}
func (h *host) CorruptRecord()         {}
func (h *host) LineCut()               {}
func (h *host) ForgedEntry()           {}
func (h *host) LeftOut(_ int)          {}
func (h *host) LineSkipped(string)     {}
func (h *host) Truncated(bool, int64)  {}
func (h *host) RotatedAway()           {}
func (h *host) Unsure()                {}
func (h *host) Reconnected()           { h.mu.Lock(); h.counts["reconnected"]++; h.mu.Unlock() }

// await waits until exactly the given lines have been delivered, in any order.
func (h *host) await(want ...string) {
	h.t.Helper()
	slices.Sort(want)
	var got []string
	h.until(func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		got = slices.Sorted(slices.Values(h.lines))
		return len(got) >= len(want)
	}, "lines")
	if !slices.Equal(got, want) {
		h.t.Fatalf("got %q, want %q", got, want)
	}
}

func (h *host) until(cond func() bool, what string) {
	h.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !cond() && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond) // a poll of a condition, with a deadline
	}
	if !cond() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.t.Fatalf("waited in vain for %s; have %q", what, h.lines)
	}
}

func (h *host) path(id string) string {
	return filepath.Join(h.root, "containers", id, id+"-json.log")
}

// write appends a line to a container's file.
func (h *host) write(id string, at int, text string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.path(id)), 0o700); err != nil {
		h.t.Fatal(err)
	}
	f, err := os.OpenFile(h.path(id), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	stamp := time.Unix(0, began+int64(at)).UTC().Format(time.RFC3339Nano)
	if _, err := fmt.Fprintf(f, `{"log":"%s","stream":"stdout","time":"%s"}`+"\n", text, stamp); err != nil {
		h.t.Fatal(err)
	}
}

// frame is a record as the API sends it.
func frame(at int, text string) []byte {
	payload := time.Unix(0, began+int64(at)).UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + text
	out := binary.BigEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(len(payload)))
	return append(out, payload...)
}

func body(frames ...[]byte) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(bytes.Join(frames, nil))), nil
}

func running(name, driver string) *logs.Container {
	return &logs.Container{Name: name, Driver: driver, Running: true, StartedAt: time.Unix(0, began)}
}

func stopped(name, driver string) *logs.Container {
	c := running(name, driver)
	c.Running = false
	return c
}

func TestFile(t *testing.T) {
	h := newHost(t)
	h.write("1", 1, `one\n`)
	h.set("1", running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.write("1", 2, `two\n`)
	h.await("a stdout 1 one", "a stdout 2 two")
	h.stop()
	h.write("1", 3, `three\n`)
	h.start()
	h.await("a stdout 1 one", "a stdout 2 two", "a stdout 3 three")
}

// TestUnfinishedLineAtTheEndOfARun is passed on when the container has stopped.
func TestUnfinishedLineAtTheEndOfARun(t *testing.T) {
	h := newHost(t)
	full := string(bytes.Repeat([]byte("x"), logs.PartSize))
	h.write("1", 1, full)
	h.set("1", running("a", "json-file"))
	h.start()
	h.write("1", 1, full)
	h.until(func() bool { r, ok := h.store.Get("1"); return ok && r.Position.Pending == began+1 }, "the line to be held")
	h.await()
	h.set("1", stopped("a", "json-file"))
	h.await("a stdout 1 " + full + full)
}

// TestRestartedAtOnce: what the engine said before the next run began does not end
// the first line of that.
func TestRestartedAtOnce(t *testing.T) {
	h := newHost(t)
	full := string(bytes.Repeat([]byte("x"), logs.PartSize))
	h.write("1", 1, `one\n`)
	h.set("1", running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	between := stopped("a", "json-file")
	between.AsOf = time.Now()
	h.write("1", 2, full)
	h.until(func() bool { r, ok := h.store.Get("1"); return ok && r.Position.Pending == began+2 }, "the line to be held")
	h.mu.Lock()
	h.frozen = true
	h.mu.Unlock()
	h.set("1", between)
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.refreshed > 0 || len(h.lines) > 1 }, "the engine to be asked")
	again := running("a", "json-file")
	again.StartedAt, again.AsOf = again.StartedAt.Add(time.Second), time.Now()
	h.set("1", again)
	h.write("1", 2, `end\n`)
	h.await("a stdout 1 one", "a stdout 2 "+full+"end")
}

// TestLongFirstLine: its first part is there before we hear that the container runs.
func TestLongFirstLine(t *testing.T) {
	h := newHost(t)
	full := string(bytes.Repeat([]byte("x"), logs.PartSize))
	h.write("1", 1, full)
	h.set("1", &logs.Container{Name: "a", Driver: "json-file"})
	h.start()
	h.until(func() bool { r, ok := h.store.Get("1"); return ok && r.Position.Pending == began+1 }, "the line to be held")
	h.set("1", running("a", "json-file"))
	h.write("1", 1, `end\n`)
	h.await("a stdout 1 " + full + "end")
}

// TestStoppedContainersAtOnce: their logs are not all opened at a time.
func TestStoppedContainersAtOnce(t *testing.T) {
	h := newHost(t)
	var open, most int
	for i := range 40 {
		id := fmt.Sprint("c", i)
		h.bodies[id] = func(int64) (io.ReadCloser, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			open++
			most = max(most, open)
			return &counted{Reader: bytes.NewReader(frame(1, "one\n")), closed: func() { h.mu.Lock(); open--; h.mu.Unlock() }}, nil
		}
		h.set(id, stopped(id, "local"))
	}
	h.start()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.lines) == 40 }, "all lines")
	if most > stream.MaxFinal {
		t.Errorf("%d at a time", most)
	}
}

// TestRestartedWhileOpened: a log that was opened as that of a stopped container,
// which has begun to run again, is followed, and does not keep others from being
// read.
func TestRestartedWhileOpened(t *testing.T) {
	h := newHost(t)
	var writers []*io.PipeWriter
	for i := range stream.MaxFinal {
		id := fmt.Sprint("c", i)
		r, w := io.Pipe()
		writers = append(writers, w)
		h.bodies[id] = func(int64) (io.ReadCloser, error) { return r, nil }
		h.set(id, stopped(id, "local"))
	}
	h.start()
	t.Cleanup(func() {
		for _, w := range writers {
			_ = w.CloseWithError(context.Canceled)
		}
	})
	h.until(func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.opened) == stream.MaxFinal
	}, "all to be opened")
	for i := range stream.MaxFinal {
		c := running(fmt.Sprint("c", i), "local")
		c.StartedAt = c.StartedAt.Add(time.Second)
		h.set(fmt.Sprint("c", i), c)
	}
	h.bodies["last"] = func(int64) (io.ReadCloser, error) { return body(frame(1, "one\n")) }
	h.set("last", stopped("last", "local"))
	h.await("last stdout 1 one")
}

type counted struct {
	io.Reader
	closed func()
}

// Close implements io.Closer.
func (c *counted) Close() error { c.closed(); return nil }

// TestRename: what comes after it has the new name, and a restart keeps both.
func TestRename(t *testing.T) {
	h := newHost(t)
	h.write("1", 1, `one\n`)
	h.set("1", running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.set("1", running("b", "json-file"))
	h.until(func() bool { r, _ := h.store.Get("1"); return len(r.Labels) == 2 }, "the new labels")
	late := int(time.Now().Add(2*producer.LabelsDelay).UnixNano() - began)
	h.write("1", 2, `old\n`)
	h.write("1", late, `new\n`)
	want := []string{"a stdout 1 one", "a stdout 2 old", fmt.Sprintf("b stdout %d new", late)}
	h.await(want...)
	h.stop()
	h.start()
	h.write("1", 3, `old too\n`)
	h.await(append(want, "a stdout 3 old too")...)
}

func TestRemoved(t *testing.T) {
	h := newHost(t)
	h.write("1", 1, `one\n`)
	h.set("1", running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.write("1", 2, `last words`)
	if err := os.RemoveAll(filepath.Dir(h.path("1"))); err != nil {
		t.Fatal(err)
	}
	h.set("1", nil)
	h.await("a stdout 1 one", "a stdout 2 last words")
	h.until(func() bool { return len(h.store.IDs()) == 0 }, "the position to be forgotten")
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return slices.Equal(h.forgotten, []string{"1"}) }, "the lane to forget it")
	if all, _ := h.collector.Snapshot(); len(all) != 0 {
		t.Errorf("%d containers are left", len(all))
	}
}

// TestForgottenAndBack: what was forgotten and is back has a record at once of where it begins.
func TestForgottenAndBack(t *testing.T) {
	h := newHost(t)
	h.start()
	h.stop()
	h.store.Commit("/a#1.1", logs.Position{})
	h.store.Forget("/a#1.1")
	h.collector.config.Begin = func(*logs.Container) (logs.Position, bool) { return logs.Position{Last: 7}, true }
	h.collector.newUnit(&logs.Container{ID: "/a#1.1", Name: "/a"})
	if r, known := h.store.Get("/a#1.1"); !known || r.Position.Last != 7 {
		t.Errorf("known %t, %+v", known, r.Position)
	}
}

// TestRemovedByMistake: a container that was said to be gone and is back, before or
// after its log was left, is collected on, with a position that lasts.
func TestRemovedByMistake(t *testing.T) {
	for name, missing := range map[string]func(h *host){
		"unit still there": func(h *host) { h.full = map[string]bool{"1": true} },
		"unit left":        func(h *host) { h.holdBack = true },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.write("1", 1, `one\n`)
			h.set("1", running("a", "json-file"))
			h.start()
			h.await("a stdout 1 one")
			h.mu.Lock()
			missing(h)
			h.mu.Unlock()
			h.set("1", nil)
			h.until(func() bool {
				h.mu.Lock()
				defer h.mu.Unlock()
				return len(h.afters) > 0 || len(h.wakes) > 0
			}, "the removal to be noticed")
			h.set("1", running("a", "json-file"))
			h.until(func() bool { return len(h.update) == 0 }, "the return to be noticed")
			h.set("2", running("b", "none")) // and has been seen when this is
			h.until(func() bool { all, _ := h.collector.Snapshot(); return len(all) == 2 }, "both")
			h.mu.Lock()
			h.full, h.holdBack = nil, false
			todo := slices.Concat(h.afters, h.wakes)
			h.mu.Unlock()
			for _, f := range todo {
				f()
			}
			h.write("1", 2, `two\n`)
			h.await("a stdout 1 one", "a stdout 2 two")
			h.until(func() bool {
				r, ok := h.store.Get("1")
				return ok && r.Position.Last == began+2
			}, "the position to be kept")
			h.write("1", 3, `three\n`)
			h.await("a stdout 1 one", "a stdout 2 two", "a stdout 3 three")
		})
	}
}

// TestD14RotationIsNoDeletion: an engine that keeps one file unlinks it before it makes the
// next. Its log is not taken for deleted in between, and nobody waits for it.
func TestD14RotationIsNoDeletion(t *testing.T) {
	h := newHost(t)
	var logged bytes.Buffer
	h.log = slog.New(slog.NewTextHandler(&logged, nil))
	if err := os.MkdirAll(filepath.Dir(h.path("1")), 0o700); err != nil {
		t.Fatal(err)
	}
	decided := 0
	h.decides = func() {
		if decided++; decided == 3 {
			h.write("1", 1, `one\n`)
		}
	}
	h.set("1", running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one")
	h.stop()
	if strings.Contains(logged.String(), "deleted") {
		t.Errorf("logged %s", logged.String())
	}
}

// TestFallback: no file, so the API; then the file, from where the API left off.
func TestFallback(t *testing.T) {
	h := newHost(t)
	pipe, w := io.Pipe()
	h.bodies["1"] = func(int64) (io.ReadCloser, error) { return pipe, nil }
	h.set("1", running("a", "json-file"))
	h.start()
	if _, err := w.Write(frame(1, "one\n")); err != nil {
		t.Fatal(err)
	}
	h.await("a stdout 1 one")
	h.write("1", 1, `one\n`)
	h.write("1", 2, `two\n`)
	// The probe finds the file; the stream is asked to end, which its body
	// does when the connection is closed.
	go func() {
		h.until(func() bool { all, _ := h.collector.Snapshot(); return all[0].Route.Kind == logs.File }, "the file")
		_ = w.CloseWithError(context.Canceled)
	}()
	h.await("a stdout 1 one", "a stdout 2 two")
}

// TestNoCache: the log is expected when the container has started. Where it is not there
// then, somebody has deleted it, and the API has nothing of it.
func TestNoCache(t *testing.T) {
	h := newHost(t)
	created := *running("a", "syslog")
	created.Running, created.StartedAt = false, time.Time{}
	if err := os.MkdirAll(filepath.Join(h.root, "containers", "1"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.set("1", &created)
	h.start()
	h.until(func() bool { all, _ := h.collector.Snapshot(); return len(all) == 1 && all[0].Route.Kind == logs.File }, "the file")
	h.set("1", running("a", "syslog"))
	h.until(func() bool {
		all, _ := h.collector.Snapshot()
		return len(all) == 1 && all[0].Route.Kind == logs.Unreadable && strings.Contains(all[0].Route.Reason, "was deleted")
	}, "that the cache was deleted")
}

// TestD18ReasonOfAStartedContainer: the reason is that of the present state.
func TestD18ReasonOfAStartedContainer(t *testing.T) {
	h := newHost(t)
	created := *running("a", "json-file")
	created.Running, created.StartedAt = false, time.Time{}
	dir := filepath.Join(h.root, "containers", "1")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	reason := func(text string) {
		t.Helper()
		h.until(func() bool {
			all, _ := h.collector.Snapshot()
			return len(all) == 1 && all[0].Route.Kind == logs.File && strings.Contains(all[0].Route.Reason, text)
		}, text)
	}
	h.set("1", &created)
	h.start()
	reason("will exist when the container starts")
	if err := os.WriteFile(filepath.Join(dir, "1-json.log"), []byte(`{"log":"one\n","stream":"stdout","time":"2023-11-14T22:13:20.000000001Z"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.set("1", running("a", "json-file"))
	h.await("a stdout 1 one")
	reason("can be read")
}

// TestStream: a cut is not an end; the end of a run is read with a stream that
// was opened after it.
func TestStream(t *testing.T) {
	h := newHost(t)
	h.bodies["1"] = func(since int64) (io.ReadCloser, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		switch {
		case h.opened["1"] == 1:
			return io.NopCloser(io.MultiReader(bytes.NewReader(frame(1, "one\n")), &broken{})), nil
		case since == 0:
			return nil, errors.New("not resumed")
		case h.containers["1"].Running:
			return body(frame(1, "one\n"), frame(2, "two\n"))
		}
		return body(frame(1, "one\n"), frame(2, "two\n"), frame(3, "three"))
	}
	h.set("1", running("a", "local"))
	h.start()
	h.await("a stdout 1 one", "a stdout 2 two")
	h.set("1", stopped("a", "local"))
	h.await("a stdout 1 one", "a stdout 2 two", "a stdout 3 three")
	h.until(func() bool { r, _ := h.store.Get("1"); return r.Position.Drained == began }, "the run to be drained")
	opened := h.opened["1"]
	h.stop()
	h.start()
	h.changed()
	h.until(func() bool { all, _ := h.collector.Snapshot(); return len(all) == 1 }, "the container")
	if _, streams := h.collector.Snapshot(); streams != 0 || h.opened["1"] != opened {
		t.Errorf("a drained log was opened again: %d streams, opened %d times", streams, h.opened["1"]-opened)
	}
}

type broken struct{}

func (*broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestUnreadable: said once, and no loop.
func TestUnreadable(t *testing.T) {
	h := newHost(t)
	h.bodies["1"] = func(int64) (io.ReadCloser, error) { return nil, logs.ErrUnreadable }
	h.set("1", running("a", "plugin"))
	h.set("2", running("b", "none"))
	h.start()
	h.until(func() bool {
		all, _ := h.collector.Snapshot()
		return len(all) == 2 && all[0].Route.Kind == logs.Unreadable && all[1].Route.Kind == logs.Unreadable
	}, "both to be unreadable")
	for range 5 {
		h.changed()
	}
	h.set("3", running("c", "none"))
	h.until(func() bool { all, _ := h.collector.Snapshot(); return len(all) == 3 }, "the third")
	if h.opened["1"] != 1 || h.opened["2"] != 0 {
		t.Errorf("opened %v times", h.opened)
	}
}

// TestStreamIsNotOpenedTooOften: a container that seems to run and whose stream
// ends at once is asked for at a falling rate.
func TestStreamIsNotOpenedTooOften(t *testing.T) {
	h := newHost(t)
	h.bodies["1"] = func(int64) (io.ReadCloser, error) { return body() }
	h.set("1", running("a", "local"))
	h.start()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.counts["reconnected"] == 2 }, "two attempts more")
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refreshed > 3 {
		t.Errorf("the engine was asked %d times", h.refreshed)
	}
}

// TestFloor: what is older than asked for is left out, also after a restart.
func TestFloor(t *testing.T) {
	h := newHost(t)
	h.write("1", 1, `old\n`)
	h.write("1", 100, `new\n`)
	h.set("1", running("a", "json-file"))
	h.floor = began + 50
	h.start()
	h.await("a stdout 100 new")
	h.stop()
	h.floor = began + 1000
	h.write("1", 101, `newer\n`)
	h.start()
	h.await("a stdout 100 new", "a stdout 101 newer")
}

// TestNoRoom: a container without room does not keep the others of its reader
// waiting, and is read on when there is room, be it removed meanwhile.
func TestNoRoom(t *testing.T) {
	for _, removed := range []bool{false, true} {
		h := newHost(t)
		h.full = map[string]bool{"1": true}
		h.write("1", 1, `one\n`)
		h.write("2", 1, `one\n`)
		h.set("1", running("a", "json-file"))
		h.set("2", running("b", "json-file"))
		h.start()
		h.await("b stdout 1 one")
		h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.wakes) > 0 }, "one to wait")
		h.write("1", 2, `two\n`)
		h.write("2", 2, `two\n`)
		h.await("b stdout 1 one", "b stdout 2 two")
		if removed {
			if err := os.RemoveAll(filepath.Dir(h.path("1"))); err != nil {
				t.Fatal(err)
			}
			h.set("1", nil)
		}
		h.mu.Lock()
		h.full["1"] = false
		wakes := h.wakes
		h.mu.Unlock()
		for _, wake := range wakes {
			wake()
		}
		h.await("b stdout 1 one", "b stdout 2 two", "a stdout 1 one", "a stdout 2 two")
		h.stop()
	}
}
