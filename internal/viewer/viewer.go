package viewer

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/pipeline"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/target"
)

// Viewer is a view at work: where logs begin, what has become of their containers, and when
// all was shown. Where lines go to Loki, nobody looks.
type Viewer struct {
	view    View
	asked   bool // by a command, not run
	config  *config.Config
	started time.Time
	Out     *console.Sink
	notices *console.Notices
	// history is nil where no last lines are asked for.
	history *LastLines

	// Set by first, before anything runs.
	pipeline *pipeline.Pipeline
	floor    int64

	// mu guards the rest.
	mu sync.Mutex
	// early are the containers that there were at the start: they have a past. It is nil
	// before the first list.
	early map[string]bool
	// seen are those that are shown, as they were last.
	seen map[string]*logs.Container
	// begun is when logs were begun of which only the end is wanted.
	begun map[string]int64
	// reached are those of which something was read that was written after the start, and
	// progress is when something was read last of each.
	reached  map[string]bool
	progress map[string]time.Time
}

// New is what a command has asked for, or else what run shows; nil where lines go to Loki.
func New(cfg *config.Config, stdout io.Writer, asked *View, started time.Time) *Viewer {
	if cfg.Loki.URL != nil {
		return nil
	}
	v := &Viewer{view: showing(cfg, asked), asked: asked != nil, config: cfg, started: started, reached: make(map[string]bool), begun: make(map[string]int64), progress: make(map[string]time.Time)}
	v.Out = console.New(stdout, v.view.Console)
	if v.view.Notices != nil {
		v.notices = console.NewNotices(v.view.Notices, v.view.Console.Color, v.Out)
	}
	return v
}

// Sink is where lines go, and what leaves only the last ones of before; nil where all are wanted.
func (v *Viewer) Sink() (dispatch.Sink, *LastLines) {
	var to dispatch.Sink = v.Out
	if v.config.Reading.Tail.Set {
		v.history = newLastLines(v.Out, v.config.Reading.Tail.N, v.start)
		to = v.history
	}
	if !v.view.Follow {
		to = &untilStart{Sink: to, viewer: v}
	}
	return to, v.history
}

// First learns what there is, where a command has asked: whoever looks on is told at once
// that there is no engine, or nothing to see.
func (v *Viewer) First(ctx context.Context, p *pipeline.Pipeline, born time.Time) error {
	if v == nil {
		return nil
	}
	v.pipeline, v.floor = p, v.config.Reading.Since.Floor(born, v.started)
	if !v.asked {
		return nil
	}
	if err := p.Discovery.Once(ctx); err != nil {
		return err
	}
	set, _ := p.Discovery.Wanted()
	v.Note(set)
	if len(set) > 0 {
		return nil
	}
	leftOut := make(map[string]string)
	for _, t := range p.Discovery.Targets() {
		if t.Excluded != target.NotPicked {
			leftOut[t.Container.Name] = t.Excluded
		}
	}
	if err := none(leftOut); !v.view.Follow {
		return err
	} else if v.notices != nil {
		v.notices.Tell(0, "%v; waiting for one", err)
	}
	return nil
}

// Run runs until ctx, or rest, is done: the notices, and the end of a look that does not go
// on, which calls stop.
func (v *Viewer) Run(ctx, rest context.Context, stop func()) (err error) {
	if v == nil {
		return nil
	}
	if v.notices != nil {
		said := make(chan struct{})
		go func() {
			defer close(said)
			v.notices.Run(rest)
		}()
		defer func() {
			<-rest.Done()
			select {
			case <-said:
			case <-time.After(lastPatience): // a terminal that stands still
			}
		}()
	}
	switch {
	case !v.view.Follow:
		err = v.await(ctx)
		stop()
	case v.history != nil:
		// All at once, so that they come in the order of their times.
		_ = v.await(ctx) // what is late is shown when it comes
		v.history.settle(ctx, time.Now())
	}
	return err
}

// lookAgain is how often it is looked whether all is shown, and patience how long nothing
// has to come before one is not waited for that cannot be read.
const (
	lookAgain = 50 * time.Millisecond
	patience  = 10 * time.Second
)

// lastPatience is how long a terminal may take at the end that stands still.
const lastPatience = time.Second

// await waits until all is shown that was written before the start.
func (v *Viewer) await(ctx context.Context) error {
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		left := v.unread()
		if len(left) == 0 {
			return nil
		}
		if name := v.stuck(left); name != "" {
			return fmt.Errorf("cannot show all of %s: nothing more of its log could be read for %v; lighterman ls --listen off says how it is read", name, patience)
		}
	}
}

// stuck returns the name of a container that is left, if nothing comes any more of all
// these.
func (v *Viewer) stuck(left map[string]string) (name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if time.Since(v.started) < patience {
		return ""
	}
	for id := range left {
		if time.Since(v.progress[id]) < patience {
			return ""
		}
		name = left[id]
	}
	return name
}

// unread returns the names of containers of which not all is shown, by ID.
func (v *Viewer) unread() map[string]string {
	all, _ := v.pipeline.Collector.Snapshot()
	v.mu.Lock()
	defer v.mu.Unlock()
	left, known := make(map[string]string), make(map[string]bool, len(all))
	for _, s := range all {
		id := s.Container.ID
		known[id] = true
		unreadable := s.Route.Kind == logs.Unreadable && s.Route.Reason != "" // else it is not decided yet
		if v.early[id] && !s.Read && !v.reached[id] && !v.history.passed(id) && !unreadable {
			left[id] = s.Container.Name
		}
	}
	for id, c := range v.seen {
		if v.early[id] && !known[id] {
			left[id] = c.Name // the collector has not come to it
		}
	}
	return left
}

// arrived notes of which containers something was read, and of which that was written after
// the start.
func (v *Viewer) arrived(of map[string]bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, reached := range of {
		v.progress[id] = time.Now()
		v.reached[id] = v.reached[id] || reached
	}
}

// Begin returns where a container's log is begun of which only the end is wanted, so that
// not all of it is read. A line may have been written in parts, so it begins earlier, and
// what is too much is left out later.
func (v *Viewer) Begin(c *logs.Container) (at logs.Position, ok bool) {
	if v == nil || !v.endOnly(c.ID) {
		return at, false
	}
	v.mu.Lock()
	v.begun[c.ID] = time.Now().UnixNano()
	v.mu.Unlock()
	r := v.pipeline.Source.Rules.Route(c)
	if r.Kind != logs.File {
		return at, false
	}
	file, err := tail.Back(r.Path, r.Format, tail.Records(v.config.Reading.Tail.N))
	return logs.Position{File: file, Since: v.floor}, err == nil
}

// start returns the time from which on what a container writes is new, in Unix nanoseconds:
// when its log was begun at its end, or else when the look was.
func (v *Viewer) start(id string) int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at := v.begun[id]; at != 0 {
		return at
	}
	return v.started.UnixNano()
}

// Tail returns how many records the engine is asked for at first; 0 for all.
func (v *Viewer) Tail(id string) int {
	if v == nil || !v.endOnly(id) {
		return 0
	}
	return tail.Records(v.config.Reading.Tail.N)
}

// endOnly reports whether only the end of a log is wanted: so many lines of it, or what
// comes from now on. That is for containers that there were; of those that come later all
// is wanted.
func (v *Viewer) endOnly(id string) bool {
	reading := v.config.Reading
	if !reading.Tail.Set && (!reading.Since.Now || v.config.StateDir != "") {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.early[id]
}

// Note compares the containers that are shown with those of before, and says what has become
// of them. What is there the first time was there at the start, unless it began later.
func (v *Viewer) Note(set map[string]*logs.Container) {
	if v == nil {
		return
	}
	v.mu.Lock()
	before, first := v.seen, v.early == nil
	v.seen = maps.Clone(set)
	if first {
		v.early = make(map[string]bool, len(set))
		for id, c := range set {
			if c.StartedAt.Before(v.started) {
				v.early[id] = true
			}
		}
	}
	v.mu.Unlock()
	if v.notices != nil {
		v.tell(before, set, first)
	}
}

// mostNamed is how many containers are named one by one at the start.
const mostNamed = 10

// lastWords is how much later it is said that a container is gone: its last lines may be on
// their way.
const lastWords = 300 * time.Millisecond

// tell says what is new.
func (v *Viewer) tell(before, now map[string]*logs.Container, first bool) {
	changed := changes(before, now)
	if first && len(now) > mostNamed {
		v.notices.Tell(0, "+ %d containers, %d of which run", len(now), runs(now))
		changed = nil
	}
	for _, c := range changed {
		switch route := v.pipeline.Source.Rules.Route(c.container); {
		case !c.comes:
			v.notices.Tell(lastWords, "- %s %s", c.container.Name, c.what)
		case route.Kind == logs.Unreadable:
			v.notices.Tell(0, "! %s cannot be read: %s", c.container.Name, route.Reason)
		default:
			v.notices.Tell(0, "+ %s %s", c.container.Name, c.what)
		}
	}
}

// change is what has become of a container.
type change struct {
	container *logs.Container
	comes     bool
	what      string
}

// changes compares two sets of containers, by ID. Those that do not run at first are nothing
// to speak of.
func changes(before, now map[string]*logs.Container) (out []change) {
	for id, c := range now {
		switch was := before[id]; {
		case was == nil && c.Running:
			out = append(out, change{c, true, "(" + c.Driver + ")"})
		case was == nil && before != nil && !c.StartedAt.IsZero():
			out = append(out, change{c, false, "has stopped"}) // it came and went between two looks
		case was == nil:
		case was.Name != c.Name:
			out = append(out, change{c, true, fmt.Sprintf("was called %s", was.Name)})
		case c.Running && (!was.Running || !was.StartedAt.Equal(c.StartedAt)):
			out = append(out, change{c, true, "runs again"})
		case was.Running && !c.Running, c.Over() && !was.StartedAt.Equal(c.StartedAt): // the latter in one look
			out = append(out, change{c, false, "has stopped"})
		}
	}
	for id, c := range before {
		if now[id] == nil {
			out = append(out, change{c, false, "is gone"})
		}
	}
	slices.SortFunc(out, func(a, b change) int { return compareNames(a.container, b.container) })
	return out
}

func compareNames(a, b *logs.Container) int {
	switch {
	case a.Name < b.Name:
		return -1
	case a.Name > b.Name:
		return 1
	}
	return 0
}

// runs is how many containers run.
func runs(all map[string]*logs.Container) (n int) {
	for _, c := range all {
		if c.Running {
			n++
		}
	}
	return n
}
