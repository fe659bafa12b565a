package examine

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/lighterman/lighterman/internal/endpoint"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// Loki is that of one output, which is asked what it has: by one client of each tenant, of which
// one asks at a time.
type Loki struct {
	service Service
	// perSecond bounds the queries of all, and patience is how long it is asked on while it is away.
	perSecond float64
	patience  time.Duration
	clients   map[string]*lokiquery.Client
}

func newLoki(of Service, in Scope) *Loki {
	return &Loki{service: of, perSecond: in.PerSecond, patience: in.Patience, clients: make(map[string]*lokiquery.Client)}
}

// Source reads what a tenant has.
func (l *Loki) Source(ctx context.Context, tenant string, q lokiquery.Query) iter.Seq2[lokiquery.Entry, error] {
	client, err := l.client(tenant)
	if err != nil {
		return func(yield func(lokiquery.Entry, error) bool) { yield(lokiquery.Entry{}, err) }
	}
	return client.Entries(ctx, q)
}

// client returns that of a tenant, empty for the configured one.
func (l *Loki) client(tenant string) (*lokiquery.Client, error) {
	to, log := l.service.Config.Loki, l.service.Log
	if tenant != "" && to.Shadow == "" {
		to.Tenant = tenant
	}
	if client := l.clients[to.Tenant]; client != nil {
		return client, nil
	}
	client, err := endpoint.NewReader(to, l.service.Config, l.service.Version, log, l.perSecond)
	if err != nil {
		return nil, err
	}
	client.Patient(l.patience, func(err error) {
		log.Warn("Loki does not say what it has: it is asked on", "error", err)
	})
	l.clients[to.Tenant] = client
	return client, nil
}

// asked reports whether it was asked for anything.
func (l *Loki) asked() bool { return len(l.clients) > 0 }

// reachable asks Loki for nothing, where there was no line to ask for: one that does not answer
// is not one that has everything.
func (l *Loki) reachable(ctx context.Context, now time.Time) error {
	nothing := lokiquery.Query{Selector: `{container="",service_name="lighterman"}`, From: now.UnixNano() - 1, To: now.UnixNano()}
	for _, err := range l.Source(ctx, "", nothing) {
		if err != nil {
			return fmt.Errorf("cannot ask Loki: %w", err)
		}
	}
	return nil
}

func (l *Loki) close() {
	for _, c := range l.clients {
		c.Close()
	}
}
