package resend

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/scan"
)

// rerun sends the past of one container.
type rerun struct {
	all    *resender
	result *Resent
	route  logs.Route
	// out is nil where nothing is sent.
	producer *producer.Producer
	past     past
	reached  reached
}

// reached is the time up to which all is done with a container. It is the store of a producer that
// keeps nothing else.
type reached struct{ at atomic.Int64 }

// Commit implements producer.Store: it notes how far delivery is.
func (r *reached) Commit(_ string, at logs.Position) {
	if at.Last > 0 {
		r.at.Store(at.Last)
	}
}

// SetLabels implements producer.Store.
func (*reached) SetLabels(string, []checkpoint.LabelsSince) {}

// run reads what there is, from the beginning of what is stored, and sends what Loki lacks: which
// entries stages make of lines, and the timestamps of equal ones, hang on the lines before them.
func (r *rerun) run(ctx context.Context, c *logs.Container) error {
	rules := *r.producer.Rules(logs.Position{})
	change := rules.Change
	rules.Change = func(e *logs.Entry) bool {
		r.past.read(e.Time)
		return change == nil || change(e)
	}
	by := r.all.by
	look := &scan.Log{
		Host: by.Host, Container: c, Route: r.route, MaxLine: by.Service.Config.Limits.LineBytes,
		Log: by.Service.Log, Rules: &rules, GoesOn: c.Running,
		Tell: scan.Told{
			Unread: func() { r.result.Damaged++ },
			Part: func(held int64) error {
				r.show()
				if !r.past.full() {
					return nil
				}
				return r.part(ctx, held)
			},
		},
	}
	if err := look.Entries(ctx, r.take); err != nil {
		return err
	}
	if err := r.part(ctx, 0); err != nil {
		return err
	}
	delivered := make(chan struct{})
	r.producer.After(func() { close(delivered) })
	select {
	case <-delivered:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take takes an entry, if it is of the time.
func (r *rerun) take(e logs.Entry) {
	if r.past.take(e) {
		r.result.Entries++
		r.result.Bytes += int64(len(e.Line))
	}
}

// part sends what waits and Loki lacks. held is when the oldest line began that is not complete,
// 0 for none.
func (r *rerun) part(ctx context.Context, held int64) error {
	done := r.past.reckon(held)
	lacking, err := r.lacking(ctx)
	if err != nil {
		return err
	}
	r.result.New += int64(len(lacking))
	if !r.all.of.DryRun {
		if err := r.all.to.send(ctx, r.producer, r.route.Kind, lacking, r.show); err != nil {
			return err
		}
	}
	r.past.clear()
	if done > 0 {
		r.producer.CommitAfter(logs.Position{Last: done})
	}
	return nil
}

// lacking asks Loki which entries it lacks of those that wait.
func (r *rerun) lacking(ctx context.Context) ([]pastEntry, error) {
	of, stored := &r.all.of, r.past.stored(r.producer.Labels())
	if err := labelled(stored, of.Added); err != nil {
		return nil, err
	}
	if of.Blind {
		return r.past.waiting, nil
	}
	has, err := r.all.having.Of(ctx, stored)
	if err != nil {
		return nil, fmt.Errorf("cannot ask Loki what it has, which --blind leaves out: %w", err)
	}
	lacking := r.past.without(has)
	r.result.Had += int64(len(has) - len(lacking))
	return lacking, nil
}

// labelled fails where a stage has taken a label away that was to be added, or has changed it: the
// entries would go to streams that there are.
func labelled(all []audit.Stored, added map[string]string) error {
	for name, value := range added {
		for i := range all {
			if all[i].Labels.Value(name, all[i].Stream) != value {
				return fmt.Errorf("a stage takes the label %s=%s of --add-label away: have the stages keep it (labelallow, labeldrop, static_labels), or give it another name", name, value)
			}
		}
	}
	return nil
}

// note brings up to date what is known of the container.
func (r *rerun) note() {
	if r.producer == nil {
		return
	}
	one, lanes := r.result, r.all.to.lanes
	one.Reached = r.reached.at.Load()
	one.Refusals = lanes.Refusals(one.ID)
	one.Refused = int64(lanes.Refused(one.ID).Lines)
	one.Sent = r.producer.Account(one.Refused).Sent
}

// show tells of the progress.
func (r *rerun) show() {
	if said := r.all.of.Progress; said != nil {
		r.note()
		said(r.result)
	}
}
