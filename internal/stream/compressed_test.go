package stream

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// skipping is an engine that says how it looks for rotated files.
type skipping struct {
	engine
	skips bool
	since *int64
}

func (e skipping) SkipsRotated() bool { return e.skips }

func (e skipping) Logs(_ context.Context, _ string, since int64) (io.ReadCloser, error) {
	*e.since = since
	var body []byte
	for _, at := range []int64{1e9, 300e9} {
		if at >= since {
			payload := time.Unix(0, at).UTC().Format("2006-01-02T15:04:05.000000000Z") + " line\n"
			body = append(binary.BigEndian.AppendUint32(append(body, 1, 0, 0, 0), uint32(len(payload))), payload...)
		}
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

// TestTimeOfCompressed: an engine that would leave out rotated files is asked for all of a log
// that it compresses, and of no other. What comes of it is what a time would have brought.
func TestTimeOfCompressed(t *testing.T) {
	const all, since = 0, 100e9 - 3e9
	both := [logs.Streams]logs.HighWaterMark{{Time: 100e9}, {Time: 99e9}}
	for _, test := range []struct {
		name, driver, compress string
		skips                  bool
		newest                 [logs.Streams]logs.HighWaterMark
		want                   int64
	}{
		{"json-file, by default", "json-file", "", true, both, since},
		{"json-file", "json-file", "true", true, both, all},
		{"local, by default", "local", "", true, both, all},
		{"local, without", "local", "false", true, both, since},
		{"a cache", "syslog", "", true, both, all},
		{"the journal", "journald", "", true, both, since},
		{"an engine that does not", "local", "", false, both, since},
		{"a clock that was set back", "local", "", true, [logs.Streams]logs.HighWaterMark{{Time: 100e9}, {Time: 200e9}}, all},
		{"a stream without lines", "local", "", true, [logs.Streams]logs.HighWaterMark{{}, {Time: 100e9}}, all},
		{"a plugin", "loki", "", true, both, since},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := int64(-1)
			c := running("a", test.driver)
			c.DriverOptions = map[string]string{"compress": test.compress, "max-size": "1m", "max-file": "3"}
			if test.compress == "" {
				delete(c.DriverOptions, "compress")
			}
			g := NewGroup(GroupConfig{Engine: skipping{skips: test.skips, since: &asked}, Events: unheard{}})
			out := producer.New("a", slog.New(slog.DiscardHandler), sink{}, sink{}, sink{}, nil)
			out.Relabel(logs.NewLabels(map[string]string{"a": "b"}, nil))
			g.Start(t.Context(), Start{Producer: out, Container: c, Position: logs.Position{Last: 100e9, Newest: test.newest}, Ended: func(End) {}})
			g.Wait()
			if asked != test.want {
				t.Errorf("asked for %d, want %d", asked, test.want)
			}
			if n := out.Lines(); n != 1 {
				t.Errorf("%d lines, want the new one", n)
			}
		})
	}
}
