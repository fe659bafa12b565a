package main

import (
	"context"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/status"
)

// What the help of verify and of why says of the flags that both have.
const (
	inquirySince = `  --since DURATION
        Begins so long ago, or at a time such as 2006-01-02T15:04:05Z. Default: 24h.
`
	inquiryFlags = `  --queries N
        At most so many queries of Loki a second. Default: 10.
  --json
        JSON instead of text; docs/verify.md describes it.
  --ca-file FILE
        Ask the service, for what Loki has refused, with TLS, and trust these
        authorities.
  --token-file FILE
        Ask it with the first bearer token of a file. Default: --listen-token-file.
  --username NAME
        Ask it with a password, that of --password-file.
  --password-file FILE
        The password of --username.
`
)

// inquiry is what verify and why have in common: they read what is stored, and ask Loki, and the
// service that runs.
type inquiry struct {
	scope *examine.Scope
	key   key
	json  bool
}

// newInquiry begins one of the last day.
func newInquiry(scope *examine.Scope) *inquiry {
	scope.Since, scope.PerSecond = time.Now().Add(-24*time.Hour), 10
	return &inquiry{scope: scope}
}

// flags are those that both have.
func (i *inquiry) flags() []argument {
	return append(i.key.flags(), sinceFlag(&i.scope.Since, time.Now()), rateFlag(&i.scope.PerSecond), jsonFlag(&i.json))
}

// name takes the name of a log.
func (i *inquiry) name(text string) error {
	i.scope.Names = append(i.scope.Names, text)
	return nil
}

// running asks the service that runs for its containers, by ID; nil where there is none that
// answers.
func (i *inquiry) running(ctx context.Context, cfg *config.Config) (map[string]status.Container, error) {
	if cfg.Listener.Address == "" {
		return nil, nil
	}
	client, err := i.key.client(cfg)
	if err != nil {
		return nil, err
	}
	state, err := client.Fetch(ctx)
	if err != nil {
		return nil, nil //nolint:nilerr // then it is not known, which is said
	}
	out := make(map[string]status.Container)
	for _, c := range state.Containers {
		out[c.ID] = c
	}
	return out, nil
}
