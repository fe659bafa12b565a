package dispatch

import (
	"cmp"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// refuse counts a single entry that the sink does not take.
func (p *push) refuse(b *logs.Batch, out logs.Outcome, reason string) {
	message := ""
	if out.Err != nil {
		message = out.Err.Error()
	}
	g := b.Groups[0]
	p.reject([]logs.Reject{{Container: g.Labels.Container(), ID: g.Container, Reason: reason, Count: 1, Message: message}}, b)
	p.passed()
}

// reject counts and tells what the sink refused of a request.
func (p *push) reject(rejects []logs.Reject, b *logs.Batch) {
	for _, r := range rejects {
		if r.Example == 0 {
			r.Example = oldest(b, r.Container)
		}
		if r.ID == "" {
			r.ID = idOf(b, r.Container)
		}
		now := time.Now()
		p.config.Metrics.Rejected(r.Reason, r.Count)
		p.config.Metrics.StreamsRejected(p.rejected.add(&r, now))
		p.refused.add(r, now)
		p.said.rejected(r, now)
	}
}

// idOf finds the container of a request that has a name.
func idOf(b *logs.Batch, name string) string {
	for _, g := range b.Groups {
		if g.Labels.Container() == name || single(b) {
			return g.Container
		}
	}
	return ""
}

// oldest returns the oldest timestamp of a container's entries, or of all when it
// has none.
func oldest(b *logs.Batch, container string) int64 {
	var own, all int64
	for _, g := range b.Groups {
		first := slices.Min(g.Times)
		if all == 0 || first < all {
			all = first
		}
		if g.Labels.Container() == container && (own == 0 || first < own) {
			own = first
		}
	}
	return cmp.Or(own, all)
}
