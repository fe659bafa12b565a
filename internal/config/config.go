package config

import (
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/redact"
)

// Config is a complete, validated configuration.
type Config struct {
	// File is the YAML file that was read; empty when there was none.
	File string
	// StateDir is where checkpoints are kept.
	StateDir string

	Log      Log
	Listener Listener

	Docker     Docker
	Reading    Reading
	Hold       Hold
	Journal    Journal
	Containers Containers

	Labels Labels
	// Stages are what lines go through, in their order: package stage compiles them.
	Stages []Stage
	// Files are files of the host, beside containers.
	Files []HostFiles

	Batch  Batch
	Limits Limits
	Loki   Loki

	// Secrets hides what must not be shown, in texts of any kind: all secrets that are
	// set, here or in the variables of the engine's client and of proxies.
	Secrets *redact.Scrubber

	effective string
	// given are the settings that somebody has set, inFlags those with a secret in a flag.
	given, inFlags []string
}

// Log shapes what lighterman itself prints.
type Log struct {
	Level  slog.Level
	Format LogFormat
	// Color is for lines on standard output.
	Color Color
}

// Listener serves metrics and the status page.
type Listener struct {
	// Address is empty when it is off.
	Address string
	// Hosts are further names that requests to it may be made under.
	Hosts []string
}

// Docker is where the engine and its files are.
type Docker struct {
	// Host is empty unless it was set: DOCKER_HOST and the engine's usual socket are then
	// for the client to try. NoEngine is one of its values.
	Host string
	// Root is empty unless it was set: the engine is then asked.
	Root string
}

// Reading is how logs are read, and from where on.
type Reading struct {
	Mode Mode
	// FilePercent is the share of eligible containers that go by file.
	FilePercent int
	Since       Since
	// Tail is how many of the last lines of each container come first.
	Tail Lines
}

// Hold is about files that only lighterman keeps alive.
type Hold struct {
	// Bytes bounds them; 0 for no bound.
	Bytes int64
	// Dir is empty when live logs are not linked.
	Dir string
}

// Journal is about containers that log to journald.
type Journal struct {
	// Dirs is empty unless it was set: the usual places are then looked at. "none" in it
	// means no journal.
	Dirs []string
	// Senders send lines of containers to journald; empty unless it was set.
	Senders []Sender
}

// Containers chooses what is collected. Patterns match whole names. Nothing in an include
// list means everything.
type Containers struct {
	IncludeName  []*regexp.Regexp
	ExcludeName  []*regexp.Regexp
	IncludeLabel []LabelMatch
	ExcludeLabel []LabelMatch
}

// Batch is when lines are pushed.
type Batch struct {
	Wait time.Duration
	// Bytes are those of the lines.
	Bytes int
}

// Limits bound lines, memory and time.
type Limits struct {
	// LineBytes is the length after which a line is cut.
	LineBytes int
	// Files bounds the files of the host that are collected.
	Files int
	// Memory bounds the bytes of lines read and not yet acknowledged.
	Memory int64
	// Shutdown is how long a stop may take to drain; 0 drops the drain.
	Shutdown time.Duration
}

// Loki is where lines are pushed to.
type Loki struct {
	// URL is nil when lines go to standard output.
	URL         *url.URL
	Tenant      string
	PushTimeout time.Duration

	Username        string
	Password        Secret
	PasswordFile    string
	BearerToken     Secret
	BearerTokenFile string

	TLS TLS
	// Proxy is nil when HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide. It may hold a
	// password: print it with Redacted.
	Proxy *url.URL
}

// TLS secures the connection to Loki.
type TLS struct {
	CAFile             string
	CertFile           string
	KeyFile            string
	ServerName         string
	InsecureSkipVerify bool
}

// Given reports whether somebody has set a setting, so that it is not a default.
func (c *Config) Given(name string) bool { return slices.Contains(c.given, name) }

// InFlags returns the names of the secret settings whose values are in flags, which every
// user of the machine can see.
func (c *Config) InFlags() []string { return c.inFlags }
