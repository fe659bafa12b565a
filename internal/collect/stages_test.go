package collect

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// limited lets three lines of each stream of a container through, and drops the others.
func (h *host) limited() {
	h.t.Helper()
	var list yaml.Node
	if err := yaml.Unmarshal([]byte("- limit: {rate: 0.001, burst: 3, drop: true}"), &list); err != nil {
		h.t.Fatal(err)
	}
	pipeline, err := stage.Compile(list.Content[0].Content, stage.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.stages = new(atomic.Pointer[stage.Timeline])
	h.stages.Store(stage.Always(pipeline))
}

// awaitLimited waits until all lines were read, and wants what is not dropped of them.
func (h *host) awaitLimited(all int, want ...string) {
	h.t.Helper()
	h.until(func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.lines)+h.counts["dropped"] >= all }, "all lines")
	h.await(want...)
}

// TestStagesAcrossStreams: what a limit has counted goes on to count when the stream of a log
// breaks.
func TestStagesAcrossStreams(t *testing.T) {
	h := newHost(t)
	h.limited()
	all := [][]byte{frame(1, "one\n"), frame(2, "two\n"), frame(3, "three\n"), frame(4, "four\n"), frame(5, "five\n")}
	h.bodies["1"] = func(int64) (io.ReadCloser, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		n := min(2*h.opened["1"], len(all))
		return io.NopCloser(io.MultiReader(bytes.NewReader(bytes.Join(all[:n], nil)), &broken{})), nil
	}
	h.set("1", running("a", "local"))
	h.start()
	h.awaitLimited(5, "a stdout 1 one", "a stdout 2 two", "a stdout 3 three")
}

// TestStagesAcrossRoutes: as it does when the route of a log changes.
func TestStagesAcrossRoutes(t *testing.T) {
	h := newHost(t)
	h.limited()
	pipe, w := io.Pipe()
	h.bodies["1"] = func(int64) (io.ReadCloser, error) { return pipe, nil }
	h.set("1", running("a", "json-file"))
	h.start()
	for i, text := range []string{"one", "two"} {
		if _, err := w.Write(frame(i+1, text+"\n")); err != nil {
			t.Fatal(err)
		}
	}
	h.await("a stdout 1 one", "a stdout 2 two")
	for i, text := range []string{"one", "two", "three", "four", "five"} {
		h.write("1", i+1, text+`\n`)
	}
	go func() {
		h.until(func() bool { all, _ := h.collector.Snapshot(); return all[0].Route.Kind == logs.File }, "the file")
		_ = w.CloseWithError(context.Canceled)
	}()
	h.awaitLimited(5, "a stdout 1 one", "a stdout 2 two", "a stdout 3 three")
}

// TestStagesAcrossTurns: as it does when a log gives its descriptor to another, and has one again
// when more is written.
func TestStagesAcrossTurns(t *testing.T) {
	h := newHost(t)
	h.limited()
	h.maxLogs = 1
	h.write("1", 1, `one\n`)
	h.write("1", 2, `two\n`)
	h.set("1", running("a", "json-file"))
	h.start()
	h.await("a stdout 1 one", "a stdout 2 two")
	h.write("2", 1, `another\n`)
	h.set("2", running("b", "json-file"))
	h.await("a stdout 1 one", "a stdout 2 two", "b stdout 1 another")
	for i, text := range []string{"three", "four", "five"} {
		h.write("1", i+3, text+`\n`)
	}
	h.awaitLimited(6, "a stdout 1 one", "a stdout 2 two", "b stdout 1 another", "a stdout 3 three")
}
