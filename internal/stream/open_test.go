package stream

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/stage"
)

type keeping struct {
	sink
	mu    *sync.Mutex
	gate  chan struct{} // has an element while there is no room
	lines *[]string
}

func (k keeping) Begin(ctx context.Context, _ string, d *logs.Draft) error {
	k.gate <- struct{}{}
	<-k.gate
	d.Open(1<<20, 1<<20)
	return ctx.Err()
}

func (k keeping) End(_ string, d *logs.Draft, delivered func()) {
	d.HandOver(func(part *logs.Part) {
		for _, g := range part.Batch.Groups {
			for i := range g.Len() {
				k.mu.Lock()
				*k.lines = append(*k.lines, string(g.Line(i)))
				k.mu.Unlock()
			}
		}
	})
	delivered()
}

func (k keeping) got() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), *k.lines...)
}

func pipelineOf(t *testing.T, text string) *stage.Pipeline {
	var nodes []*yaml.Node
	var list []yaml.Node
	if err := yaml.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		nodes = append(nodes, &list[i])
	}
	p, err := stage.Compile(nodes, stage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func frameAt(kind byte, at time.Time, text string) []byte {
	payload := at.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + text
	return append(binary.BigEndian.AppendUint32([]byte{kind, 0, 0, 0}, uint32(len(payload))), payload...)
}

func startStaged(t *testing.T, stages string, body io.Reader, c *logs.Container) (keeping, chan End, *Group, *producer.Producer) {
	k := keeping{mu: new(sync.Mutex), gate: make(chan struct{}, 1), lines: new([]string)}
	var timeline atomic.Pointer[stage.Timeline]
	timeline.Store(stage.Always(pipelineOf(t, stages)))
	out := producer.New("a", slog.New(slog.DiscardHandler), k, k, k, &timeline)
	out.Relabel(logs.NewLabels(map[string]string{"container": "b"}, nil))
	g, ends := NewGroup(GroupConfig{Engine: engine{body: func(context.Context) io.Reader { return body }}, Events: unheard{}}), make(chan End, 2)
	g.Start(t.Context(), Start{Producer: out, Container: c, Ended: func(e End) { ends <- e }})
	return k, ends, g, out
}

// TestOpenBesideOthers: a stream that is never silent does not hold up an entry of the other.
func TestOpenBesideOthers(t *testing.T) { synctest.Test(t, openBesideOthers) }

func openBesideOthers(t *testing.T) {
	r, w := io.Pipe()
	k, ends, g, _ := startStaged(t, `[{match: {selector: '{stream="stdout"}', stages: [{multiline: {firstline: '^\S', max_wait_time: 200ms}}]}}]`, r, running("a", "local"))
	_, _ = w.Write(frameAt(1, time.Now(), "listening on :80\n"))
	for range 10 {
		time.Sleep(500 * time.Millisecond)
		_, _ = w.Write(frameAt(2, time.Now(), "err\n"))
	}
	time.Sleep(100 * time.Millisecond)
	got := k.got()
	found := false
	for _, l := range got {
		found = found || l == "listening on :80"
	}
	if !found {
		t.Error("still held back")
	}
	_ = w.Close()
	<-ends
	g.Wait()
}

// TestOpenWithoutRoom: while there is no room, lines wait at the engine, which belong to an
// entry that has waited for long.
func TestOpenWithoutRoom(t *testing.T) { synctest.Test(t, openWithoutRoom) }

func openWithoutRoom(t *testing.T) {
	r, w := io.Pipe()
	k, ends, g, _ := startStaged(t, `[{multiline: {firstline: '^\S', max_wait_time: 300ms}}]`, r, running("a", "local"))
	at := time.Now()
	_, _ = w.Write(frameAt(1, at, "boom\n"))
	time.Sleep(50 * time.Millisecond) // boom is held, the timer runs
	k.gate <- struct{}{}
	_, _ = w.Write(frameAt(1, at.Add(10*time.Millisecond), " at a\n")) // waits for room
	go func() {
		_, _ = w.Write(frameAt(1, at.Add(20*time.Millisecond), " at b\n")) // waits at the engine
		_, _ = w.Write(frameAt(1, at.Add(30*time.Millisecond), " at c\n"))
	}()
	time.Sleep(2 * time.Second)
	<-k.gate
	time.Sleep(3 * time.Second)
	got := k.got()
	if len(got) != 1 || got[0] != "boom\n at a\n at b\n at c" {
		t.Error("torn")
	}
	_ = w.Close()
	<-ends
	g.Wait()
}

// TestOpenAtTheEnd: the stream of a container that ran when it was opened ends, and as the
// container is removed there will be no other.
func TestOpenAtTheEnd(t *testing.T) { synctest.Test(t, openAtTheEnd) }

func openAtTheEnd(t *testing.T) {
	r, w := io.Pipe()
	k, ends, g, _ := startStaged(t, `[{multiline: {firstline: '^\S'}}]`, r, running("a", "local"))
	_, _ = w.Write(frameAt(1, time.Now(), "one\n"))
	_, _ = w.Write(frameAt(1, time.Now(), "panic: boom\n"))
	_, _ = w.Write(frameAt(1, time.Now(), " at a\n"))
	_ = w.Close()
	<-ends
	g.Wait()
	if len(k.got()) != 2 {
		t.Error("the last entry is held back at the end")
	}
}
