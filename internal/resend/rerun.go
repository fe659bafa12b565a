package resend

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/output"
	"github.com/lighterman/lighterman/internal/scan"
)

// rerun sends the past of one container.
type rerun struct {
	*resender
	*Resent
	route logs.Route
	out   *output.Output
	// origin is when the line was stored that the entry in hand was made of.
	origin int64
	// waiting are entries that were read, and of which nothing was done yet, of size bytes.
	waiting []pastEntry
	size    int
	// newest is the time of the newest line that was read, and reached up to where all is done.
	newest  int64
	reached atomic.Int64
}

// pastEntry is an entry that is to be sent again. done is the time up to which all is done with it:
// when it was stored, at first.
type pastEntry struct {
	logs.Entry
	done int64
}

// Commit implements output.Store: it notes how far delivery is, and keeps nothing.
func (r *rerun) Commit(_ string, at logs.Position) {
	if at.Last > 0 {
		r.reached.Store(at.Last)
	}
}

// SetLabels implements output.Store.
func (r *rerun) SetLabels(string, []checkpoint.LabelsSince) {}

// all reads what there is, from the beginning of what is stored, and sends what Loki lacks: which
// entries stages make of lines, and the timestamps of equal ones, hang on the lines before them.
func (r *rerun) all(ctx context.Context, c *logs.Container) error {
	rules := *r.out.Rules(logs.Position{})
	change := rules.Change
	rules.Change = func(e *logs.Entry) bool {
		r.origin = e.Time
		r.newest = max(r.newest, e.Time)
		return change == nil || change(e)
	}
	look := &scan.Log{
		Host: r.Host, Container: c, Route: r.route, MaxLine: r.Service.Config.Limits.LineBytes,
		Log: r.Service.Log, Rules: &rules, GoesOn: c.Running, Unread: func() { r.Damaged++ },
		Part: func(held int64) error {
			r.show()
			if len(r.waiting) < resendEntries && r.size < resendPart {
				return nil
			}
			return r.part(ctx, held)
		},
	}
	if err := look.Entries(ctx, r.take); err != nil {
		return err
	}
	if err := r.part(ctx, 0); err != nil {
		return err
	}
	delivered := make(chan struct{})
	r.out.After(func() { close(delivered) })
	select {
	case <-delivered:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take takes an entry, if it is of the time: by when it was stored, or by the time that a stage
// gives it. What was stored after the start is the service's.
func (r *rerun) take(e logs.Entry) {
	if r.origin >= r.started || !r.within(r.origin) && !r.within(e.Time) {
		return
	}
	r.Entries++
	r.Bytes += int64(len(e.Line))
	e.Line = slices.Clone(e.Line)
	if e.Extra != nil {
		extra := *e.Extra
		extra.Metadata = slices.Clone(extra.Metadata)
		e.Extra = &extra
	}
	r.waiting = append(r.waiting, pastEntry{e, r.origin})
	r.size += e.Size()
}

func (r *rerun) within(at int64) bool { return at >= r.Since.UnixNano() && at < r.until }

// part sends what waits and Loki lacks. held is when the oldest line began that is not complete,
// 0 for none.
func (r *rerun) part(ctx context.Context, held int64) error {
	done := r.reckon(held)
	lacking, stored := r.waiting, r.stored()
	if err := r.labelled(stored); err != nil {
		return err
	}
	if !r.Blind {
		has, err := r.having.Of(ctx, stored)
		if err != nil {
			return fmt.Errorf("cannot ask Loki what it has, which --blind leaves out: %w", err)
		}
		lacking = lacking[:0]
		for i := range r.waiting {
			if !has[i] {
				lacking = append(lacking, r.waiting[i])
			}
		}
		r.Had += int64(len(has) - len(lacking))
	}
	r.New += int64(len(lacking))
	if !r.DryRun {
		if err := r.send(ctx, lacking); err != nil {
			return err
		}
	}
	clear(r.waiting)
	r.waiting, r.size = r.waiting[:0], 0
	if done > 0 {
		r.out.CommitAfter(logs.Position{Last: done})
	}
	return nil
}

// reckon finds out up to when all is done with each entry that waits, and with all of them.
// Lines are stored in another order than they are stamped, but not by much, and some come later
// because they are parts of a long entry.
func (r *rerun) reckon(held int64) int64 {
	all := r.newest
	if held != 0 {
		all = min(all, held)
	}
	next := all
	for i := len(r.waiting) - 1; i >= 0; i-- {
		stored := r.waiting[i].done
		r.waiting[i].done = next - assemble.Disorder
		next = min(next, stored)
	}
	return all - assemble.Disorder
}

// stored is what waits, as it is looked for in Loki.
func (r *rerun) stored() []audit.Stored {
	out := make([]audit.Stored, len(r.waiting))
	for i, e := range r.waiting {
		labels := r.out.Labels().At(e.Time).Of(e.Stream)
		tenant := labels.Tenant
		if e.Extra != nil {
			if e.Extra.Labels != nil {
				labels = e.Extra.Labels
			}
			if e.Extra.Tenant != "" {
				tenant = e.Extra.Tenant
			}
		}
		out[i] = audit.Stored{Time: e.Time, Stream: e.Stream, Text: e.Line, Labels: labels, Tenant: tenant}
	}
	return out
}

// labelled fails where a stage has taken a label away that was to be added, or has changed it: the
// entries would go to streams that there are.
func (r *rerun) labelled(all []audit.Stored) error {
	for name, value := range r.Added {
		for i := range all {
			if all[i].Labels.Value(name, all[i].Stream) != value {
				return fmt.Errorf("a stage takes the label %s=%s of --add-label away: have the stages keep it (labelallow, labeldrop, static_labels), or give it another name", name, value)
			}
		}
	}
	return nil
}

// send hands entries over, no faster than the rate allows.
func (r *rerun) send(ctx context.Context, all []pastEntry) error {
	for len(all) > 0 {
		if err := r.chunk.Begin(ctx, r.out); err != nil {
			return err
		}
		r.chunk.Behind()
		n, size := pieceOf(all, r.piece())
		for _, e := range all[:n] {
			r.chunk.Add(e.Entry)
		}
		r.chunk.End(r.route.Kind, size, logs.Position{Last: all[n-1].done}, nil)
		r.chunk.Flush()
		all = all[n:]
		r.show()
		if err := r.pause(ctx, size); err != nil {
			return err
		}
	}
	return nil
}

// piece is how many bytes are handed over at once: a small part of what may be in a second.
func (r *resender) piece() int {
	if r.Rate == 0 {
		return resendPiece
	}
	return min(max(r.Rate/4, 1), resendPiece)
}

// pieceOf returns how many entries are handed over at once, of about as many bytes as they may have,
// structured metadata included.
func pieceOf(all []pastEntry, most int) (n, size int) {
	for n < len(all) && size < most {
		size += all[n].Size()
		n++
	}
	return n, size
}

// pause waits until the rate allows for more.
func (r *resender) pause(ctx context.Context, sent int) error {
	if r.Rate == 0 {
		return ctx.Err()
	}
	now := time.Now()
	if r.free.Before(now) {
		r.free = now
	}
	r.free = r.free.Add(time.Duration(float64(sent) / float64(r.Rate) * float64(time.Second)))
	timer := time.NewTimer(r.free.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// note brings up to date what is known of the container.
func (r *rerun) note() {
	if r.out == nil {
		return
	}
	r.Reached = r.reached.Load()
	r.Refusals = r.lanes.Refusals(r.ID)
	r.Refused = int64(r.lanes.Refused(r.ID).Lines)
	r.Sent = r.out.Account(r.Refused).Sent
}

// show tells of the progress.
func (r *rerun) show() {
	if r.Progress != nil {
		r.note()
		r.Progress(r.Resent)
	}
}
