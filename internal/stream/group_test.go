package stream

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// engine has one log.
type engine struct {
	Engine
	err  error
	body func(ctx context.Context) io.Reader
}

func (e engine) Logs(ctx context.Context, _ string, _ int64) (io.ReadCloser, error) {
	if e.err != nil {
		return nil, e.err
	}
	return io.NopCloser(e.body(ctx)), nil
}

func (engine) SkipsRotated() bool { return false }

func (engine) Last(context.Context, string) (io.ReadCloser, error) { return nil, logs.ErrNotFound }

// sink is lane, store and metrics of one container.
type sink struct{ producer.Lane }

func (sink) Begin(ctx context.Context, _ string, d *logs.Draft) error {
	d.Open(1<<20, 1<<20)
	return ctx.Err()
}
func (sink) End(_ string, d *logs.Draft, delivered func()) { d.Reset(); delivered() }
func (sink) Flush()                                        {}
func (sink) Commit(string, logs.Position)                  {}
func (sink) SetLabels(string, []checkpoint.LabelsSince)    {}
func (sink) Lines(string, int, int)                        {}
func (sink) Dropped(string, int)                           {}
func (sink) Joined(int)                                    {}
func (sink) frame(text string) []byte {
	payload := time.Unix(0, began).UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + text
	return append(binary.BigEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(len(payload))), payload...)
}

// silent is a body from which nothing comes until its request is ended.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }

// TestEnds: a source says once where and why it has ended.
func TestEnds(t *testing.T) {
	whole := func(context.Context) io.Reader { return bytes.NewReader(sink{}.frame("one\n")) }
	cut := func(context.Context) io.Reader { return bytes.NewReader(sink{}.frame("one\n")[:20]) }
	quiet := func(ctx context.Context) io.Reader { return io.MultiReader(whole(ctx), silent{ctx}) }
	for name, test := range map[string]struct {
		engine    engine
		container *logs.Container
		do        func(s *Source)
		want      error
		read      bool
		drained   int64
	}{
		"the run goes on":       {engine: engine{body: whole}, container: running("a", "local"), want: io.EOF, read: true},
		"the run is over":       {engine: engine{body: whole}, container: stopped("a", "local"), want: io.EOF, read: true, drained: began},
		"broken":                {engine: engine{body: cut}, container: running("a", "local"), want: io.ErrUnexpectedEOF},
		"refused":               {engine: engine{err: logs.ErrUnreadable}, container: running("a", "none"), want: logs.ErrUnreadable},
		"asked":                 {engine: engine{body: quiet}, container: running("a", "local"), do: (*Source).Stop, read: true},
		"removed and silent":    {engine: engine{body: quiet}, container: running("a", "local"), read: true, do: func(s *Source) { s.Update(s.start.Container, time.Now()); s.attend(time.Now().Add(time.Hour)) }},
		"stopped and not ended": {engine: engine{body: quiet}, container: running("a", "local"), read: true, want: errEndless, do: func(s *Source) { s.Update(stopped("a", "local"), time.Time{}); s.attend(time.Now().Add(time.Hour)) }},
	} {
		t.Run(name, func(t *testing.T) {
			out := producer.New("a", slog.New(slog.DiscardHandler), sink{}, sink{}, sink{}, nil)
			out.Relabel(logs.NewLabels(map[string]string{"a": "b"}, nil))
			g, ends := NewGroup(GroupConfig{Engine: test.engine, Events: unheard{}}), make(chan End, 2)
			s := g.Start(t.Context(), Start{Producer: out, Container: test.container, Ended: func(e End) { ends <- e }})
			if test.do != nil {
				for !s.spoke.Load() || s.idleSince.Load() == nil || out.Unanswered() > 0 || out.Lines() == 0 {
					time.Sleep(time.Millisecond) // a poll of a condition; the test's time limit is the deadline
				}
				test.do(s)
			}
			e := <-ends
			if g.Wait(); !errors.Is(e.Err, test.want) || (e.Err == nil) != (test.want == nil) || e.Read != test.read || e.Position.Drained != test.drained {
				t.Errorf("%v, read %v, drained %d", e.Err, e.Read, e.Position.Drained)
			}
			if len(ends) > 0 {
				t.Error("it has ended twice")
			}
		})
	}
}
