package pipeline

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/budget"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/internal/watch"
)

// Pipeline is what finds containers, reads their logs and delivers the lines.
type Pipeline struct {
	Source     *host.Source
	Watcher    *watch.Watcher
	Discovery  *target.Discovery
	Dispatcher *dispatch.Dispatcher
	Collector  *collect.Collector
	// Files are those of the host; nil for none.
	Files *host.Files
	// Journals are the sections of the host's journal; nil for none.
	Journals *host.Journals
	// Connections is how many the listener may have, of what is left of open files.
	Connections int
}

// Config is where a pipeline begins and where it leads to. Only the first three are needed.
type Config struct {
	Store   collect.Store
	Sink    dispatch.Sink
	Metrics interface {
		collect.Metrics
		dispatch.Metrics
	}
	Hold        *hold.Hold
	Breadcrumbs *checkpoint.Breadcrumbs
	// Floor is the time before which lines of new containers are left out, in Unix
	// nanoseconds; for Begin and Tail see collect.Config.
	Floor int64
	// Stages are what lines go through, by their time; nil for nothing.
	Stages *atomic.Pointer[stage.Timeline]
	Begin  func(*logs.Container) (logs.Position, bool)
	Tail   func(id string) int
	// Noted is told of the containers that are wanted, whenever that may have changed; nil
	// for nobody.
	Noted func(map[string]*logs.Container)
	// Early has containers be collected while others are looked for; otherwise Noted is told of
	// all of them the first time.
	Early bool
	// Files are those of the host that are collected; nil for none.
	Files *host.Files
	// Journals are the sections of the host's journal; nil for none.
	Journals *host.Journals
	// Settled is called when something was delivered; LastOnly is the dispatcher's.
	Settled  func()
	LastOnly bool
}

// New makes one, which reads nothing yet.
func New(cfg *config.Config, memory budget.Memory, source *host.Source, watcher *watch.Watcher, hostJournal *journal.Journal, log *slog.Logger, with Config) *Pipeline {
	spare := budget.Descriptors()
	if memory.Outputs > 1 && spare.Logs > 0 {
		spare.Logs = max(spare.Logs/memory.Outputs, 1)
	}
	p := &Pipeline{Source: source, Watcher: watcher, Discovery: source.Discovery(log, with.Early), Connections: spare.Connections}
	longest := max(cfg.Batch.Wait, noWait)
	p.Dispatcher = dispatch.New(dispatch.Config{
		Sink: with.Sink, Metrics: with.Metrics, Log: log, Settled: with.Settled, Lanes: memory.Lanes, LastOnly: with.LastOnly,
		BatchWait: longest, LeastWait: leastOf(longest), OutOfOrder: cfg.Batch.OutOfOrder,
		BatchSize: memory.Batch, MaxMemory: int(memory.Lines), MaxPushes: memory.Pushes,
	})
	of := collect.Config{
		Discovery: noting{p.Discovery, with.Noted}, Engine: source.Engine, Store: with.Store, Metrics: with.Metrics, Watcher: watcher, Log: log, Hold: with.Hold, Journal: hostJournal,
		Lanes: fileLanes(p.Dispatcher), LaneOf: p.Dispatcher.Number,
		Route: source.Rules.Route, Labels: p.Discovery.Labels, Breadcrumbs: with.Breadcrumbs,
		Stages: with.Stages, Floor: with.Floor, Begin: with.Begin, Tail: with.Tail,
		PollInterval: longest, MaxLine: cfg.Limits.LineBytes, MaxLogs: spare.Logs, Room: spare.Room,
	}
	if with.Files != nil {
		p.Files = with.Files
		p.Files.Collect(p.Discovery, spare.Room.Opened, &of)
	}
	if with.Journals != nil {
		p.Journals = with.Journals
		p.Journals.Collect(&of)
	}
	p.Collector = collect.New(of)
	return p
}

// Start reads until sources is done and delivers what was read, as long as draining is not
// done. read is called when nothing more is read, and delivered when all is over.
func (p *Pipeline) Start(sources, draining context.Context, group *errgroup.Group, read, delivered func()) {
	group.Go(func() error { return p.Watcher.Run(sources) })
	group.Go(func() error { return p.Discovery.Run(sources) })
	if p.Files != nil {
		group.Go(func() error { return p.Files.Finder.Run(sources) })
	}
	if p.Journals != nil {
		p.Discovery.Poke() // which may have nobody else to say anything
	}
	group.Go(func() error {
		err := p.Collector.Run(sources)
		p.Dispatcher.Close()
		read()
		return err
	})
	group.Go(func() error {
		defer delivered()
		return p.Dispatcher.Run(draining)
	})
}

// leastOf is how long lines are gathered on a host that has little to say, where a busy one may
// gather them for so long: a fifth of that. Who wants fewer requests gets fewer on both.
func leastOf(longest time.Duration) time.Duration {
	return max(longest/5, min(leastWait, longest))
}

const (
	// leastWait is that of the default, and of what is below it: about twice the processor's time
	// that 200 ms takes for 50 containers with 20 lines a second each. 22 ms would take almost four
	// times as much.
	leastWait = 40 * time.Millisecond
	// noWait is what a wait of nothing comes to. A request for each line would cost half a
	// processor for a thousand of them a second.
	noWait = 5 * time.Millisecond
)

func fileLanes(d *dispatch.Dispatcher) (out []collect.Lane) {
	for i := range d.Lanes() {
		out = append(out, d.Lane(i))
	}
	return out
}

// noting is a discovery whose answers somebody is told of.
type noting struct {
	*target.Discovery
	noted func(map[string]*logs.Container)
}

// Wanted implements collect.Discovery. Only the collector calls it.
func (n noting) Wanted() (set map[string]*logs.Container, known bool) {
	set, known = n.Discovery.Wanted()
	if known && n.noted != nil {
		n.noted(set)
	}
	return set, known
}
