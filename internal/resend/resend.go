package resend

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/target"
)

// Resending sends what is stored of containers again.
type Resending struct {
	// Containers are names, beginnings of IDs or services.
	Containers []string
	// Since and Until are the time of which lines are sent; what is written after the start is
	// the service's in any case.
	Since, Until time.Time
	// To is the output that they are sent to; empty for the first.
	To string
	// Then has lines get the labels, and go through the stages, of their own time. Otherwise
	// those of the configuration count.
	Then bool
	// Added are labels that all get which are sent, and by which nothing counts as changed.
	Added map[string]string
	// DryRun sends nothing. Blind does not ask what Loki has, and sends all.
	DryRun, Blind bool
	// Rate bounds the bytes that are sent in a second; 0 for no bound. PerSecond bounds the
	// queries.
	Rate      int
	PerSecond float64
	// Begun is told of a container before anything is sent of it, and Progress often.
	Begun, Progress func(*Resent)
}

// Resent is what has become of the past of a container.
type Resent struct {
	Name, ID string
	// Changes say in words what is otherwise now than it was when lines were sent first.
	Changes []string
	// Entries are those of the time, of Bytes of text. Loki had Had of them, and lacks New.
	Entries, Bytes, Had, New int64
	// Sent were taken by Loki, and Refusals are those that it refuses, by reason.
	Sent     int64
	Refused  int64
	Refusals []dispatch.Refusal
	// Reached is the time up to which all is done, in Unix nanoseconds; 0 for none.
	Reached int64
	// Unread is why nothing could be sent; empty otherwise. Damaged is how many parts of the log
	// could not be read, or were gone.
	Unread  string
	Damaged int64
	// Over says that there was nothing left to do. Left is how many containers come behind it.
	Over bool
	Left int
}

// resendPatience is how long a Loki that was there may be away while it is asked what it has.
const resendPatience = 10 * time.Minute

// resender sends what is stored of several containers.
type resender struct {
	of     Resending
	period period
	// by is what is known of the logs, having asks Loki what it has, and to sends. None is there
	// before the first container.
	by     *examine.Examiner
	having audit.Having
	to     *sender
}

// period is the time of which lines are sent, in Unix nanoseconds.
type period struct {
	// since and until bound it, and started is when the command was: what was stored after that is
	// the service's.
	since, until, started int64
}

// has reports whether an entry is of the time: by when it was stored, or by the time that a stage
// gives it.
func (p period) has(stored, sent int64) bool {
	within := func(at int64) bool { return at >= p.since && at < p.until }
	return stored < p.started && (within(stored) || within(sent))
}

// Run sends what is stored of containers again, one after the other, and hands out what has
// become of each. It runs beside the service, and changes nothing of what that remembers.
func Run(ctx context.Context, by examine.Service, of Resending, done func(*Resent) error) error {
	started := time.Now().UnixNano()
	r := &resender{of: of, period: period{since: of.Since.UnixNano(), until: min(of.Until.UnixNano(), started), started: started}}
	scope := examine.Scope{Names: of.Containers, Containers: true, Anyhow: true, Outputs: []string{cmp.Or(of.To, examine.FirstOutput)}, Since: of.Since, PerSecond: of.PerSecond, Patience: resendPatience}
	defer r.stop()
	return examine.Each(ctx, by, scope, func(x *examine.Examiner, ctx context.Context, s *examine.Subject) error {
		if r.by == nil {
			if err := r.start(ctx, x); err != nil {
				return err
			}
		}
		one, err := r.one(ctx, s)
		if err != nil {
			r.stop()
		}
		var failed error
		if one.note(); err == nil || one.producer != nil {
			one.result.Over, one.result.Left = err == nil, x.Done.Containers-x.Done.Done-1
			failed = done(one.result)
		}
		return cmp.Or(err, failed)
	})
}

// start begins with what is the same for all containers.
func (r *resender) start(ctx context.Context, by *examine.Examiner) (err error) {
	r.by = by
	r.having = audit.Having{Source: by.Loki.Source, Naming: by.OwnNames}
	for name := range r.of.Added {
		r.having.Ignored = append(r.having.Ignored, name)
	}
	r.to, err = newSender(ctx, by.Service, &r.of)
	return err
}

// stop stops what sends, once.
func (r *resender) stop() {
	if r.to != nil {
		r.to.stop()
	}
}

// one sends a container.
func (r *resender) one(ctx context.Context, s *examine.Subject) (*rerun, error) {
	c := s.Container
	one := &rerun{all: r, result: &Resent{Name: s.Title, ID: c.ID, Unread: s.Unread}, route: s.Route, past: past{period: r.period}}
	if s.Kind != examine.OfContainer {
		one.result.Unread = "only lines of containers can be sent again"
	}
	if one.result.Unread != "" {
		return one, nil
	}
	labels, force, err := r.rules(s)
	if err != nil {
		return one, err
	}
	one.result.Changes = r.changes(c.ID, labels[0].Labels, force)
	if err := r.add(labels); err != nil {
		return one, err
	}
	one.producer = producer.New(c.ID, r.by.Service.Log.With("container", c.Name), r.to.lanes.Lane(0), &one.reached, uncounted{}, &force.Timeline)
	one.producer.UseLabels(labels)
	if r.of.Begun != nil {
		r.of.Begun(one.result)
	}
	return one, one.run(ctx, c)
}

// rules are the labels and stages that the lines of a container get.
func (r *resender) rules(s *examine.Subject) (producer.Timeline, *ruleset.InForce, error) {
	by := r.by.Service
	if r.of.Then {
		return slices.Clone(s.Timeline), r.by.Force, nil
	}
	present, err := ruleset.Was("", by.Config, by.Log)
	labels := asKept(s.LabelsNow, s.Timeline.Newest(), by.Config.Labels.Crowded)
	return producer.Timeline{{From: math.MinInt64, Labels: labels}}, present, err
}

// add adds labels to those of all times.
func (r *resender) add(to producer.Timeline) error {
	for i := range to {
		for name := range r.of.Added {
			if l := to[i].Labels; l.Get(name) != "" || l.Of(logs.Stderr).Get(name) != "" || name == "stream" {
				return fmt.Errorf("its lines have a label %s already: give --add-label another name", name)
			}
		}
		to[i].Labels = target.WithLabels(to[i].Labels, r.of.Added)
	}
	return nil
}

// asKept returns the labels that the service has, where those of the configuration are the same
// but for labels of too many values: these the service has made structured metadata, which
// nobody knows who looks at the containers once.
func asKept(now, kept *logs.Labels, crowded []string) *logs.Labels {
	if crowds(now, crowded).Equal(crowds(kept, crowded)) {
		return kept
	}
	return now
}

// crowds returns labels with all crowded ones among the metadata.
func crowds(l *logs.Labels, crowded []string) *logs.Labels {
	if l == nil {
		return nil
	}
	out := &logs.Labels{Whole: l.Whole, Tenant: l.Tenant, Owner: l.Owner, Level: l.Level, Stderr: crowds(l.Stderr, crowded)}
	out.Metadata = slices.Clone(l.Metadata)
	for _, p := range l.Pairs {
		if slices.Contains(crowded, p.Name) {
			out.Metadata = append(out.Metadata, p)
		} else {
			out.Pairs = append(out.Pairs, p)
		}
	}
	slices.SortFunc(out.Metadata, func(a, b logs.Label) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// changes say what is otherwise now than it was for lines of the time.
func (r *resender) changes(id string, now *logs.Labels, present *ruleset.InForce) (all []string) {
	record, known := r.by.View.Records[id]
	switch {
	case !known:
		return []string{"the state directory has no position of it: what was sent before may have had other labels and stages, and what differs is new to Loki"}
	case r.of.Then:
		return nil
	}
	from, until := r.period.since, r.period.until
	for i, l := range record.Labels {
		end := int64(math.MaxInt64)
		if i+1 < len(record.Labels) {
			end = record.Labels[i+1].From
		}
		if end <= from || l.From >= until || l.Labels.Equal(now) {
			continue
		}
		all = append(all, labelChange(l, now, end, until))
	}
	text := present.All[0].Stages
	for i, s := range r.by.Force.All {
		end := int64(math.MaxInt64)
		if i+1 < len(r.by.Force.All) {
			end = r.by.Force.All[i+1].From
		}
		if end > from && s.From < until && s.Stages != text {
			all = append(all, "lines "+upTo(end, until)+" went through other stages: what these have made otherwise is sent as new entries")
		}
	}
	return all
}

func labelChange(before checkpoint.LabelsSince, now *logs.Labels, end, until int64) string {
	was, is := before.Labels.Selector(logs.Stdout), now.Selector(logs.Stdout)
	if was == is {
		return "lines " + upTo(end, until) + " were sent as " + was + " with other structured metadata, tenant or levels"
	}
	return "lines " + upTo(end, until) + " were sent as " + was + ", and are sent as " + is + ", as new entries"
}

// upTo says up to when something was so.
func upTo(end, until int64) string {
	if end >= until {
		return "up to now"
	}
	return "up to " + time.Unix(0, end).UTC().Format(time.RFC3339)
}
