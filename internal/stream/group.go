package stream

import (
	"context"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
)

// Engine opens logs through the API, from a time on or from a number of records
// before the end on. Last opens no more than the last record. Newest returns the timestamp
// of a log's last record, 0 if that is before since. Times are in Unix nanoseconds,
// inclusive.
type Engine interface {
	// SkipsRotated reports whether an engine that is asked for a time passes over all
	// rotated files of a log that it compresses, as soon as one of them is older.
	SkipsRotated() bool
	Logs(ctx context.Context, id string, since int64) (io.ReadCloser, error)
	Tail(ctx context.Context, id string, records int) (io.ReadCloser, error)
	Last(ctx context.Context, id string) (io.ReadCloser, error)
	Newest(ctx context.Context, id string, tty bool, since int64) (int64, error)
}

// GroupConfig is what the streams of a group have in common.
type GroupConfig struct {
	Engine Engine
	Events Events
	// Tail returns how many of the last records of a container's log that was never read
	// before are asked of the engine; 0 for all. Nil is for all of all.
	Tail func(id string) int
	// MaxLine is the size in bytes from which on a line is cut.
	MaxLine int
}

// Group is all sources that read through the API. Start and Wait are called by one
// goroutine.
type Group struct {
	config GroupConfig
	// sources owns the goroutines of the sources, and of looks at silent ones.
	sources errgroup.Group
	// final bounds the streams under way that read a run to its end which is
	// over: at the first start there may be any number of stopped containers.
	final chan struct{}
	// looks bounds the looks under way at silent streams.
	looks chan struct{}
}

// MaxFinal is the number of logs of stopped containers read at a time through
// the API: each makes the engine scan the log.
const MaxFinal = 4

// maxLooks is how many looks at silent streams are made at a time.
const maxLooks = 4

// NewGroup makes a group without sources. It starts nothing.
func NewGroup(config GroupConfig) *Group {
	return &Group{config: config, final: make(chan struct{}, MaxFinal), looks: make(chan struct{}, maxLooks)}
}

// Start is what one source begins with.
type Start struct {
	Producer  *producer.Producer
	Container *logs.Container
	Position  logs.Position
	// Search is that of the End of the stream before.
	Search time.Duration
	// Ended is called when the source has ended, on its goroutine.
	Ended func(End)
}

// End is where and why a source has ended.
type End struct {
	Position logs.Position
	// Err is nil when the source was asked to end, and io.EOF when the engine ended the
	// stream in order.
	Err error
	// Read reports whether something was read.
	Read bool
	// Search is how long the next stream is left alone while it brings nothing, if that
	// is more than the log's search time.
	Search time.Duration
}

// Wait returns when all sources have ended.
func (g *Group) Wait() {
	_ = g.sources.Wait() // their errors come with their ends
}
