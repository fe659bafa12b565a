package agent

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/internal/status"
)

// meters gives the status page's counters the names that the parts know them by.
type meters struct {
	*status.Metrics
	// started is when the process was.
	started time.Time
}

// Lines implements collect.Metrics.
func (m meters) Lines(route string, lines, bytes int) { m.Read(route, lines, bytes) }

// CorruptRecord implements collect.Metrics.
func (m meters) CorruptRecord() { m.Corrupt(1) }

// LineCut implements collect.Metrics.
func (m meters) LineCut() { m.Cut(1) }

// ForgedEntry implements collect.Metrics.
func (m meters) ForgedEntry() { m.Forged(1) }

// LeftOut implements collect.Metrics.
func (m meters) LeftOut(bytes int) { m.CutBytes(bytes) }

// LineSkipped implements collect.Metrics.
func (m meters) LineSkipped(reason string) { m.Skipped(reason, 1) }

// Delivered implements dispatch.Metrics.
func (m meters) Delivered(age time.Duration, entries int, behind bool) {
	m.ObserveDelivery(age.Seconds(), entries, behind || age > time.Since(m.started))
}

// observe connects the parts with the status page.
func (s *service) observe(started time.Time) {
	s.server.Observe(func() status.Snapshot {
		out := s.first.snapshot(s.version, started)
		out.Output = s.first.state(&out, s.shown)
		for _, g := range s.others {
			of := g.snapshot(s.version, started)
			out.Outputs = append(out.Outputs, g.state(&of, s.shown))
		}
		if !s.showsPrivate() {
			withoutMessages(out.Containers)
		}
		return out
	})
	for _, g := range s.others {
		s.server.ObserveOutput(g.name, func() status.Snapshot { return g.snapshot(s.version, started) })
	}
	for _, g := range s.all() {
		s.observeGraph(g)
	}
	s.server.Warn(func() string {
		reload := s.reload.warning()
		if reload != "" && !s.showsPrivate() {
			reload = refusedReload + "; the log says why"
		}
		return s.first.config.Secrets.Scrub(both(reload, s.first.warning()))
	})
}

// observeGraph adds what has to be well with an output.
func (s *service) observeGraph(g *graph) {
	of := ""
	if g.name != "" {
		of = " of output " + g.name
	}
	s.server.Live("collector"+of, g.pipeline.Collector.Alive)
	s.ready(g.pipeline.Source.Name+of, func() error {
		connected, err := g.pipeline.Discovery.Status()
		switch {
		case connected:
			return nil
		case err != nil:
			return err
		}
		return errors.New("it has not said yet what all of its containers are")
	})
	if g.pipeline.Source.Files != nil {
		s.ready("log files"+of, g.pipeline.Source.Files)
	}
	s.ready("sink"+of, func() error { return s.shown(g.sink.ready()) })
	s.ready("open files"+of, g.pipeline.Collector.OpenFiles)
	s.ready("checkpoints"+of, func() error {
		if text := g.store.Stats().LastError; text != "" {
			return fmt.Errorf("they cannot be saved: %s", text)
		}
		return nil
	})
}

// warning is what is wrong and makes nothing unready; empty for nothing.
func (g *graph) warning() string {
	if g.pipeline.Files == nil {
		return g.pipeline.Discovery.Warning()
	}
	return both(g.pipeline.Discovery.Warning(), g.pipeline.Files.Finder.Problem())
}

// ready adds a condition of readiness, whose reason shows no secret.
func (s *service) ready(name string, check func() error) {
	s.server.Ready(name, func() error { return s.first.config.Secrets.Error(check()) })
}

// shown is an error of a sink as whoever asks may see it. What Loki answers may quote labels of
// lines and the tenant, which everybody is not shown.
func (s *service) shown(err error) error {
	var said *loki.AnswerError
	if s.showsPrivate() || !errors.As(err, &said) {
		return err
	}
	return errors.New(strings.Replace(err.Error(), said.Error(), said.Brief(), 1))
}

// withoutMessages leaves out what Loki has said of lines that it has refused.
func withoutMessages(containers []status.Container) {
	for i := range containers {
		if r := containers[i].LastRefusal; r != nil {
			r.Message = ""
		}
	}
}

// state is how an output does, in short. shown is an error as it may be shown.
func (g *graph) state(of *status.Snapshot, shown func(error) error) status.OutputState {
	pushes, until := g.pipeline.Dispatcher.Pushes()
	out := status.OutputState{
		Name: g.name, To: g.sink.name(), Ready: true, BufferedBytes: of.BufferedBytes, MemoryBytes: int64(g.pipeline.Dispatcher.Budget()),
		Pushes: pushes, RetrySeconds: max(0, time.Until(until).Seconds()), SetAside: of.SetAside,
	}
	if a := g.sink.lastAnswer(); a != nil {
		out.LastAnswer = &a.Answer
		if err := shown(a.err); err != nil {
			last := a.Answer
			last.Why = g.config.Secrets.Scrub(err.Error())
			out.LastAnswer = &last
		}
	}
	if err := shown(g.sink.ready()); err != nil {
		out.Ready, out.Why = false, g.config.Secrets.Scrub(err.Error())
	}
	for _, c := range of.Containers {
		if c.LagBytes != nil {
			out.LagBytes = max(out.LagBytes, *c.LagBytes)
		}
		if c.LagSeconds != nil {
			out.LagSeconds = max(out.LagSeconds, *c.LagSeconds)
		}
	}
	return out
}

func (g *graph) snapshot(version string, started time.Time) status.Snapshot {
	containers, streams := g.pipeline.Collector.Snapshot()
	connected, _ := g.pipeline.Discovery.Status()
	watched := g.pipeline.Watcher.Stats()
	saved := g.store.Stats()
	held := g.hold.Stats()
	out := status.Snapshot{
		Version: version, Started: started, BufferedBytes: int64(g.pipeline.Dispatcher.Buffered()), SetAside: g.pipeline.Dispatcher.SetAside(),
		CrowdedLabels: len(g.pipeline.Discovery.HighCardinality()),
		Source:        g.pipeline.Source.Place, EngineConnected: connected, APIStreams: streams,
		InotifyWatches: watched.Watches, InotifyEvents: watched.Events, InotifyOverflows: watched.Overflows,
		HeldBytes: held.Bytes, HeldFiles: held.Files, HoldLinks: held.Links, HoldFailures: held.Failures,
		CheckpointSaves: saved.Saves, CheckpointFailures: saved.Failures,
		CheckpointError: saved.LastError, CheckpointAge: saved.Age.Seconds(),
	}
	hide := g.config.Secrets.Scrub
	if held.Problem != nil {
		out.HoldError = hide(held.Problem.Error())
	}
	out.CheckpointError = hide(out.CheckpointError)
	unknown := g.pipeline.Discovery.Unknown()
	for _, s := range containers {
		if why := unknown[s.Container.ID]; why != "" {
			s.Route.Reason += "; " + why // what was known before stands
			delete(unknown, s.Container.ID)
		}
		way := s.Route.Kind.String()
		if s.Waits {
			way, s.Route.Reason = "waiting", "the limit of open files is reached, the log is read in turns (LimitNOFILE=, ulimit -n); "+s.Route.Reason
		}
		refused, last := g.refused(s.Container.ID)
		lines := uint64(max(0, s.Lines))
		out.Containers = append(out.Containers, status.Container{
			Name: s.Container.Name, ID: s.Container.ID, Driver: s.Container.Driver,
			Route: way, Reason: hide(s.Route.Reason), Remarks: host.Hidden(g.pipeline.Discovery.Remarks(s.Container.ID), hide), Position: position(&s.Position),
			LagBytes: known(s.LagBytes), LagSeconds: known(s.LagSeconds), Lines: &lines,
			LastError: hide(s.LastError), Refused: &refused, LastRefusal: last, Account: accountOf(s.Account(int64(refused))), //nolint:gosec // a number of lines
		})
	}
	out.Containers = append(out.Containers, host.Unread(unknown)...)
	return out
}

// known returns what is not negative, and else nil.
func known[T int64 | float64](n T) *T {
	if n < 0 {
		return nil
	}
	return &n
}

// refused returns how many lines of a container Loki has refused, and the last of them.
func (g *graph) refused(id string) (uint64, *status.Refusal) {
	r := g.pipeline.Dispatcher.Refused(id)
	if r.Lines == 0 {
		return 0, nil
	}
	return uint64(r.Lines), &status.Refusal{ //nolint:gosec // a number of lines is not negative
		Time: r.At.UTC(), Reason: r.Reason, Example: r.Example, Message: g.config.Secrets.Scrub(r.Message), Cure: dispatch.Cure(r.Reason),
	}
}

func position(p *logs.Position) *status.Position {
	out := &status.Position{Inode: p.File.Inode, Offset: p.File.Start()}
	if p.Last != 0 {
		out.Time = time.Unix(0, p.Last).UTC()
	}
	return out
}

// accountOf is what is shown of an account.
func accountOf(a logs.Account) *status.Account {
	return &status.Account{Read: a.Read, Sent: a.Sent, Joined: a.Joined, Dropped: a.Dropped, Rejected: a.Rejected, Pending: a.Pending}
}
