package examine

import (
	"context"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/scan"
)

// Reading is a log that is read again.
type Reading struct {
	Examiner *Examiner
	Subject  *Subject
	// Acked is how far it was acknowledged.
	Acked Acked
	// Cut is called before an entry that was cut; it may be nil.
	Cut func()
}

// Reading begins one.
func (x *Examiner) Reading(s *Subject) *Reading {
	return &Reading{Examiner: x, Subject: s, Acked: ackedOf(x.View, s.Container.ID, x.floor)}
}

// warmUp is how long before the time that counts reading begins, so that stages which
// remember lines do so.
const warmUp = 10 * time.Minute

// Read takes all of it through a look at its lines, which are passed on as they are sent.
func (r *Reading) Read(ctx context.Context, through *producer.Look, take func(*logs.Entry)) error {
	x, s := r.Examiner, r.Subject
	look := &scan.Log{
		Host: x.Host, Container: s.Container, Route: s.Route, MaxLine: x.Service.Config.Limits.LineBytes,
		Extent: scan.Extent{Since: x.Scope.Since.Add(-warmUp).UnixNano()}, Log: x.Service.Log, Rules: through.Rules(),
		Tell: scan.Told{Ended: func() { r.Acked.Ended = true }, Cut: r.Cut},
	}
	if s.Route.Kind == logs.HostJournal {
		look.HostJournal = x.hosts.journals.Open
	}
	return look.Entries(ctx, func(e logs.Entry) {
		take(&e)
		x.Took()
	})
}
