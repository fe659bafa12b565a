package config

import (
	"net/url"
	"time"
)

var deliverySettings = []*setting{{
	name: "loki-url", kind: kindURL, section: delivery,
	auto: "none, so lines go to standard output", example: "http://localhost:3100",
	help:  "Loki to push to. Without a path, /loki/api/v1/push is meant.",
	store: into(func(c *Config) **url.URL { return &c.Loki.URL }, parseLokiURL),
}, {
	name: "tenant-id", kind: kindText, section: delivery, auto: "none", example: "team-a",
	help:  "Tenant to push as, in the header X-Scope-OrgID.",
	store: into(func(c *Config) *string { return &c.Loki.Tenant }, parseTenant),
}, {
	name: "batch-wait", kind: kindDuration, section: delivery, def: "200ms",
	help:  "How long a line may wait for others before it is pushed; 0 pushes at once.",
	store: into(func(c *Config) *time.Duration { return &c.Batch.Wait }, parseDuration),
}, {
	name: "batch-size", kind: kindSize, section: delivery, def: "1MiB",
	help:  "Bytes of lines after which a batch is pushed without waiting.",
	store: into(func(c *Config) *int { return &c.Batch.Bytes }, size[int](1<<10, 1<<30)),
}, {
	name: "push-timeout", kind: kindDuration, section: delivery, def: "10s",
	help:  "How long one push may take before it is tried again.",
	store: into(func(c *Config) *time.Duration { return &c.Loki.PushTimeout }, parsePositive),
}, {
	name: "host-label", kind: kindText, section: delivery, auto: "the host name, in a container that of the engine's host", example: "node-1",
	help:  "Value of the label host. Seldom needed: in a container the name of the engine's host is taken.",
	store: into(func(c *Config) *string { return &c.Labels.Host }, parseText),
}, {
	name: "external-label", kind: kindPairs, section: delivery, auto: "none", example: "datacenter=north",
	help:  "Labels added to every line. The names stream, container, container_id and host are taken; others that lighterman sets may be overridden.",
	store: storeExternalLabels,
}}

var loginSettings = []*setting{{
	name: "loki-username", kind: kindText, section: login, auto: "none", example: "lighterman",
	help:  "User name for basic authentication.",
	store: into(func(c *Config) *string { return &c.Loki.Username }, parseUsername),
}, {
	name: "loki-password", kind: kindText, section: login, auto: "none", example: "change-me", secret: true,
	help:  "Password for basic authentication. A flag can be seen by every user of the machine: prefer loki-password-file.",
	store: into(func(c *Config) *Secret { return &c.Loki.Password }, parseSecret),
}, {
	name: "loki-password-file", kind: kindFile, section: login, auto: "none", example: "/etc/lighterman/password",
	help:  "File that holds the password for basic authentication.",
	store: into(func(c *Config) *string { return &c.Loki.PasswordFile }, parseText),
}, {
	name: "loki-bearer-token", kind: kindText, section: login, auto: "none", example: "change-me", secret: true,
	help:  "Bearer token, instead of basic authentication. A flag can be seen by every user of the machine: prefer loki-bearer-token-file.",
	store: into(func(c *Config) *Secret { return &c.Loki.BearerToken }, parseSecret),
}, {
	name: "loki-bearer-token-file", kind: kindFile, section: login, auto: "none", example: "/etc/lighterman/token",
	help:  "File that holds the bearer token.",
	store: into(func(c *Config) *string { return &c.Loki.BearerTokenFile }, parseText),
}}

var networkSettings = []*setting{{
	name: "tls-ca-file", kind: kindFile, section: network, auto: "the system's authorities", example: "/etc/lighterman/ca.pem",
	help:  "Certificate authorities that Loki's certificate is checked against, in PEM form.",
	store: into(func(c *Config) *string { return &c.Loki.TLS.CAFile }, parseText),
}, {
	name: "tls-cert-file", kind: kindFile, section: network, auto: "none", example: "/etc/lighterman/client.pem",
	help:  "Client certificate, in PEM form. Needs tls-key-file.",
	store: into(func(c *Config) *string { return &c.Loki.TLS.CertFile }, parseText),
}, {
	name: "tls-key-file", kind: kindFile, section: network, auto: "none", example: "/etc/lighterman/client.key",
	help:  "Key of the client certificate, in PEM form. Needs tls-cert-file.",
	store: into(func(c *Config) *string { return &c.Loki.TLS.KeyFile }, parseText),
}, {
	name: "tls-server-name", kind: kindText, section: network, auto: "the host of loki-url", example: "loki.example.com",
	help:  "Name that Loki's certificate must carry.",
	store: into(func(c *Config) *string { return &c.Loki.TLS.ServerName }, parseText),
}, {
	name: "tls-insecure-skip-verify", kind: kindBool, section: network, def: "false",
	help:  "Do not check Loki's certificate. Whoever can reach the network can then read the logs.",
	store: into(func(c *Config) *bool { return &c.Loki.TLS.InsecureSkipVerify }, parseBool),
}, {
	name: "proxy-url", kind: kindProxy, section: network,
	auto: "HTTP_PROXY, HTTPS_PROXY and NO_PROXY", example: "http://proxy.example.com:3128",
	help:  "Proxy for pushes. It may hold a user and a password.",
	store: into(func(c *Config) **url.URL { return &c.Loki.Proxy }, parseProxyURL),
}}
