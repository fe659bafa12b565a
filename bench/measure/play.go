package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/lighterman/lighterman/bench/link"
	"github.com/lighterman/lighterman/bench/loggen"
	"github.com/lighterman/lighterman/bench/peer"
	"github.com/lighterman/lighterman/bench/sink"
)

// values are what was measured, by the names in columns.
type values map[string]float64

// play puts an agent to a scenario. It fails unless everything arrived exactly, or what
// arrived is part of the result.
func (t *trial) play(ctx context.Context) (values, error) {
	s := t.stage.scenario
	out := make(values)
	var err error
	switch {
	case s.course != asWritten:
		err = t.playCourse(ctx, out)
	case s.discards:
		err = t.playDiscarded(ctx, out)
	case s.atOnce:
		err = t.playAtOnce(ctx, out)
	case s.duration > 0:
		err = t.playInterval(ctx, out)
	default:
		err = t.playBacklog(ctx, out)
	}
	if err != nil {
		return nil, err
	}
	metrics, err := t.agent.Metrics() // last, as asking costs the agent something
	if err != nil {
		return nil, err
	}
	out.set("goroutines", metrics["go_goroutines"])
	if peak, err := t.agent.Usage(); err == nil {
		out.set("peak_mib", float64(peak.Peak)/mib)
	}
	if err := t.stopAgent(ctx); err != nil {
		return nil, err
	}
	report := t.sink.Report()
	out.traffic(report)
	if s.discards { // what counts lines has seen none
		out["lines"] = float64(t.stage.ledger.Lines())
		return out, nil
	}
	if s.beside {
		if s.course != asWritten && s.course != comeAndGo {
			maps.DeleteFunc(out, func(name string, _ float64) bool { return strings.HasSuffix(name, "_ms") }) // lines had to wait for what was away
		}
		out.arrived(report.Arrived(t.stage.ledger))
		return out, nil
	}
	if s.rate > 0 {
		out.set("events_per_kline", 1000*metrics["lighterman_inotify_events_total"]/float64(report.Lines))
	}
	if verdict := report.Judge(t.stage.ledger, !t.agent.Peer.NoTimes); !verdict.Exact() {
		return nil, fmt.Errorf("%s is not exact at %s: %v\n%s", t.agent.Peer.Name, s.name, verdict, t.agent.LastWords())
	}
	return out, nil
}

func (v values) set(name string, value float64) {
	if value != 0 {
		v[name] = value
	}
}

func (v values) traffic(r sink.Report) {
	v["lines"] = float64(r.Lines)
	v["requests"] = float64(r.Requests)
	v["streams"] = float64(r.Streams)
	v["body_mib"] = float64(r.Body) / mib
	v["reordered"] = float64(r.Reordered)
	for name, d := range map[string]time.Duration{"p50_ms": r.P50, "p95_ms": r.P95, "p99_ms": r.P99, "max_ms": r.Max} {
		v.set(name, d.Seconds()*1000)
	}
}

func (v values) holds(u peer.Usage) {
	v["rss_mib"] = float64(u.RSS) / mib
	v["threads"] = float64(u.Threads)
	v["fds"] = float64(u.Files)
}

// afterwards is how long acknowledgements may take that belong to the work.
const afterwards = 500 * time.Millisecond

// used is what was used for work that has just arrived, and for acknowledging it.
func (t *trial) used() (peer.Usage, error) {
	time.Sleep(afterwards)
	return t.usage()
}

// ended waits until everything is there, and enters what the agent holds then.
func (t *trial) ended(ctx context.Context, out values, use func() (peer.Usage, error)) (u peer.Usage, err error) {
	if err := t.await(ctx, t.stage.ledger.Lines()); err != nil {
		return u, err
	}
	if u, err = use(); err == nil {
		out.holds(u)
	}
	return u, err
}

// took is how long the agent took from its start to the last line.
func (t *trial) took(r *sink.Report) time.Duration {
	return time.Duration(r.Last - t.agent.Started.UnixNano())
}

// carried enters what it took to carry the backlog, which is so many lines.
func (t *trial) carried(out values, u peer.Usage, lines float64, took time.Duration) {
	size := float64(t.stage.scenario.backlog)
	out["cpu_s"] = u.CPU.Seconds()
	out["cpu_s_per_gib"] = u.CPU.Seconds() / size * gib
	out["lines_per_s"] = lines / took.Seconds()
	out["lines_per_cpu_s"] = lines / u.CPU.Seconds()
}

// playBacklog measures from the agent's start to the last line.
func (t *trial) playBacklog(ctx context.Context, out values) error {
	u, err := t.ended(ctx, out, t.used)
	if err != nil {
		return err
	}
	r := t.sink.Report()
	t.carried(out, u, float64(r.Lines), t.took(&r))
	out.load(t.stage.scenario.link, r.Body, t.took(&r))
	return nil
}

// quiet is how long nothing comes when everything has.
const quiet = 2 * time.Second

// playDiscarded is playBacklog where the sink does not look at what comes: everything is there
// when nothing more comes.
func (t *trial) playDiscarded(ctx context.Context, out values) error {
	for {
		last := t.sink.Report().Last
		if last != 0 && time.Since(time.Unix(0, last)) > quiet {
			break
		}
		if err := t.agent.Ended(); err != nil {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	u, err := t.usage()
	if err != nil {
		return err
	}
	out.holds(u)
	r := t.sink.Report()
	t.carried(out, u, float64(t.stage.ledger.Lines()), t.took(&r))
	out["read_mb_per_s"] = float64(t.stage.scenario.backlog) / t.took(&r).Seconds() / 1e6
	return nil
}

// load is how much of a link was used by requests' bodies.
func (v values) load(shape link.Shape, body int64, wall time.Duration) {
	if shape.Rate == 0 {
		return
	}
	perSecond := float64(body) / wall.Seconds()
	v["sent_mb_per_s"] = perSecond / 1e6
	v["link_percent"] = 100 * perSecond / float64(shape.Rate)
}

// playInterval measures an interval in which lines are written, or none are.
func (t *trial) playInterval(ctx context.Context, out values) error {
	s := t.stage.scenario
	if err := t.await(ctx, t.stage.ledger.Lines()); err != nil {
		return err
	}
	if s.rate > 0 {
		time.Sleep(settle)
	} else {
		time.Sleep(settleIdle)
	}
	before, err := t.agent.Usage()
	if err != nil {
		return err
	}
	began := time.Now()
	live := loggen.Live{Seed: seed, Rate: s.rate, Every: s.every, Duration: s.duration}
	if err := t.stage.layout.Run(ctx, t.stage.ledger, live); err != nil {
		return err
	}
	after, err := t.agent.Usage()
	if err != nil {
		return err
	}
	out.holds(after)
	out["cpu_percent"] = 100 * (after.CPU - before.CPU).Seconds() / time.Since(began).Seconds()
	return t.await(ctx, t.stage.ledger.Lines())
}

// playAtOnce writes new lines while there is a backlog, and measures how long the
// first of them takes from the agent's start, and when everything is there.
func (t *trial) playAtOnce(ctx context.Context, out values) error {
	s := t.stage.scenario
	live := loggen.Live{Seed: seed, Rate: s.rate, Every: s.every, Duration: s.duration}
	if err := t.stage.layout.Run(ctx, t.stage.ledger, live); err != nil {
		return err
	}
	if err := t.playBacklog(ctx, out); err != nil {
		return err
	}
	r := t.sink.Report()
	out["first_new_ms"] = time.Duration(r.FirstNew-t.agent.Started.UnixNano()).Seconds() * 1000
	delete(out, "cpu_s_per_gib") // the new lines are in it, too
	return nil
}
