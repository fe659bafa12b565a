package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/target"
)

// look is a view at work: where logs begin, what has become of their containers, and when
// all was shown. Where lines go to Loki, nobody looks.
type look struct {
	View
	asked   bool // by a command, not run
	config  *config.Config
	started time.Time
	out     *console.Sink
	notices *console.Notices
	// history is nil where no last lines are asked for.
	history *lastLines

	// Set by first, before anything runs.
	pipeline *pipeline
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

func (a Agent) newLook(started time.Time) *look {
	if a.Config.Loki.URL != nil {
		return nil
	}
	l := &look{View: a.showing(), asked: a.view != nil, config: a.Config, started: started, reached: make(map[string]bool), begun: make(map[string]int64), progress: make(map[string]time.Time)}
	l.out = console.New(a.Stdout, l.Console)
	if l.Notices != nil {
		l.notices = console.NewNotices(l.Notices, l.Console.Color, l.out)
	}
	return l
}

// first learns what there is, where a command has asked: whoever looks on is told at once
// that there is no engine, or nothing to see.
func (l *look) first(ctx context.Context, p *pipeline, born time.Time) error {
	if l == nil {
		return nil
	}
	l.pipeline, l.floor = p, floor(l.config.Reading.Since, born, l.started)
	if !l.asked {
		return nil
	}
	if err := p.discovery.Once(ctx); err != nil {
		return err
	}
	set, _ := p.discovery.Wanted()
	l.note(set)
	if len(set) > 0 {
		return nil
	}
	leftOut := make(map[string]string)
	for _, t := range p.discovery.Targets() {
		if t.Excluded != target.NotPicked {
			leftOut[t.Container.Name] = t.Excluded
		}
	}
	if err := none(leftOut); !l.Follow {
		return err
	} else if l.notices != nil {
		l.notices.Tell(0, "%v; waiting for one", err)
	}
	return nil
}

// run runs until ctx, or rest, is done: the notices, and the end of a look that does not go
// on, which calls stop.
func (l *look) run(ctx, rest context.Context, stop func()) (err error) {
	if l == nil {
		return nil
	}
	if l.notices != nil {
		said := make(chan struct{})
		go func() {
			defer close(said)
			l.notices.Run(rest)
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
	case !l.Follow:
		err = l.await(ctx)
		stop()
	case l.history != nil:
		// All at once, so that they come in the order of their times.
		_ = l.await(ctx) // what is late is shown when it comes
		l.history.settle(ctx, time.Now())
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
func (l *look) await(ctx context.Context) error {
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		left := l.unread()
		if len(left) == 0 {
			return nil
		}
		if name := l.stuck(left); name != "" {
			return fmt.Errorf("cannot show all of %s: nothing more of its log could be read for %v; lighterman ls --listen off says how it is read", name, patience)
		}
	}
}

// stuck returns the name of a container that is left, if nothing comes any more of all
// these.
func (l *look) stuck(left map[string]string) (name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.started) < patience {
		return ""
	}
	for id := range left {
		if time.Since(l.progress[id]) < patience {
			return ""
		}
		name = left[id]
	}
	return name
}

// unread returns the names of containers of which not all is shown, by ID.
func (l *look) unread() map[string]string {
	all, _ := l.pipeline.collector.Snapshot()
	l.mu.Lock()
	defer l.mu.Unlock()
	left, known := make(map[string]string), make(map[string]bool, len(all))
	for _, s := range all {
		id := s.Container.ID
		known[id] = true
		unreadable := s.Route.Kind == logs.Unreadable && s.Route.Reason != "" // else it is not decided yet
		if l.early[id] && !s.Read && !l.reached[id] && !l.history.passed(id) && !unreadable {
			left[id] = s.Container.Name
		}
	}
	for id, c := range l.seen {
		if l.early[id] && !known[id] {
			left[id] = c.Name // the collector has not come to it
		}
	}
	return left
}

// arrived notes of which containers something was read, and of which that was written after
// the start.
func (l *look) arrived(of map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, reached := range of {
		l.progress[id] = time.Now()
		l.reached[id] = l.reached[id] || reached
	}
}

// begin returns where a container's log is begun of which only the end is wanted, so that
// not all of it is read. A line may have been written in parts, so it begins earlier, and
// what is too much is left out later.
func (l *look) begin(c *logs.Container) (at logs.Position, ok bool) {
	if l == nil || !l.endOnly(c.ID) {
		return at, false
	}
	l.mu.Lock()
	l.begun[c.ID] = time.Now().UnixNano()
	l.mu.Unlock()
	r := l.pipeline.source.rules.Route(c)
	if r.Kind != logs.File {
		return at, false
	}
	file, err := tail.Back(r.Path, r.Format, records(l.config.Reading.Tail.N))
	return logs.Position{File: file, Since: l.floor}, err == nil
}

// start returns the time from which on what a container writes is new, in Unix nanoseconds:
// when its log was begun at its end, or else when the look was.
func (l *look) start(id string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.begun[id]; at != 0 {
		return at
	}
	return l.started.UnixNano()
}

// tail returns how many records the engine is asked for at first; 0 for all.
func (l *look) tail(id string) int {
	if l == nil || !l.endOnly(id) {
		return 0
	}
	return records(l.config.Reading.Tail.N)
}

// endOnly reports whether only the end of a log is wanted: so many lines of it, or what
// comes from now on. That is for containers that there were; of those that come later all
// is wanted.
func (l *look) endOnly(id string) bool {
	reading := l.config.Reading
	if !reading.Tail.Set && (!reading.Since.Now || l.config.StateDir != "") {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.early[id]
}

// records is how many records are read for the last lines: a line may be in parts, and
// others may be written before the log is opened.
func records(lines int) int { return 4*lines + 512 }

// note compares the containers that are shown with those of before, and says what has become
// of them. What is there the first time was there at the start, unless it began later.
func (l *look) note(set map[string]*logs.Container) {
	if l == nil {
		return
	}
	l.mu.Lock()
	before, first := l.seen, l.early == nil
	l.seen = maps.Clone(set)
	if first {
		l.early = make(map[string]bool, len(set))
		for id, c := range set {
			if c.StartedAt.Before(l.started) {
				l.early[id] = true
			}
		}
	}
	l.mu.Unlock()
	if l.notices != nil {
		l.tell(before, set, first)
	}
}

// mostNamed is how many containers are named one by one at the start.
const mostNamed = 10

// lastWords is how much later it is said that a container is gone: its last lines may be on
// their way.
const lastWords = 300 * time.Millisecond

// tell says what is new.
func (l *look) tell(before, now map[string]*logs.Container, first bool) {
	changed := changes(before, now)
	if first && len(now) > mostNamed {
		l.notices.Tell(0, "+ %d containers, %d of which run", len(now), runs(now))
		changed = nil
	}
	for _, c := range changed {
		switch route := l.pipeline.source.rules.Route(c.container); {
		case !c.comes:
			l.notices.Tell(lastWords, "- %s %s", c.container.Name, c.what)
		case route.Kind == logs.Unreadable:
			l.notices.Tell(0, "! %s cannot be read: %s", c.container.Name, route.Reason)
		default:
			l.notices.Tell(0, "+ %s %s", c.container.Name, c.what)
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
		case was.Running && !c.Running:
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
