package endpoint

import (
	"context"
	"log/slog"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/internal/otlp"
	"github.com/lighterman/lighterman/internal/redact"
)

// Loki is a Loki, or a receiver of OTLP, and what it is called in messages.
type Loki struct {
	receiver
	Name string
}

// receiver is what pushes go to.
type receiver interface {
	dispatch.Sink
	// Probe asks whether pushes would be taken.
	Probe(ctx context.Context) logs.Outcome
	Close()
}

// New makes the client of a configuration.
func New(cfg *config.Config, version string, log *slog.Logger) (*Loki, error) {
	client, err := newReceiver(cfg, lokiOf(cfg.Loki, version, cfg.Secrets, log))
	if err != nil {
		return nil, err
	}
	return &Loki{client, cfg.Secrets.Scrub(cfg.Loki.URL.String())}, nil // which has learnt the secrets by now
}

func newReceiver(cfg *config.Config, of loki.Config) (receiver, error) {
	if cfg.Loki.OTLP != nil {
		return otlp.New(of)
	}
	return loki.New(of)
}

// lokiOf says how a Loki is spoken to.
func lokiOf(to config.Loki, version string, secrets *redact.Scrubber, log *slog.Logger) loki.Config {
	return loki.Config{
		URL: to.URL, Tenant: to.Tenant, OneTenant: to.Shadow != "",
		Username: to.Username, Password: to.Password.Reveal(), PasswordFile: to.PasswordFile,
		BearerToken: to.BearerToken.Reveal(), BearerTokenFile: to.BearerTokenFile,
		TLS: loki.TLS{
			CAFile: to.TLS.CAFile, CertFile: to.TLS.CertFile, KeyFile: to.TLS.KeyFile,
			ServerName: to.TLS.ServerName, InsecureSkipVerify: to.TLS.InsecureSkipVerify,
		},
		Proxy: to.Proxy, Timeout: to.PushTimeout, UserAgent: "lighterman/" + version,
		Log: log, Secrets: secrets,
	}
}
