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
	// WatchFile has a change of the file take effect at once.
	WatchFile bool
	// VerifyEvery is how often it is verified that Loki has what is stored; 0 for never.
	VerifyEvery time.Duration
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
	// Tests are for check alone.
	Tests []Test
	// Files are files of the host, beside containers.
	Files []HostFiles
	// HostJournals are the sections of the host's journal.
	HostJournals []HostJournal

	Batch  Batch
	Limits Limits
	Loki   Loki
	// Outputs are further Lokis, or receivers of OTLP, each of which gets everything, too.
	Outputs []Output

	// Secrets hides what must not be shown, in texts of any kind: all secrets that are
	// set, here or in the variables of the engine's client and of proxies.
	Secrets *redact.Scrubber

	effective []entry
	// given are the settings that somebody has set, inFlags those with a secret in a flag.
	given, inFlags []string
	// prints are hashes of what the settings and sections are, by their names.
	prints map[string]uint64
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
	// WebConfigFile is in the format of Prometheus' web.config.file, and TokenFile has bearer
	// tokens; empty for none.
	WebConfigFile, TokenFile string
	// Private says where what the host keeps from other users is shown.
	Private Private
	// Unprotected has it serve everything beyond loopback without authentication.
	Unprotected bool
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
	// Pick is what a look asks for; nil for all.
	Pick *Pick
}

// Batch is when lines are pushed.
type Batch struct {
	Wait time.Duration
	// Bytes are those of the lines.
	Bytes int
	// OutOfOrder is how much time lines of one container may span that are under way at once.
	OutOfOrder time.Duration
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

// Loki is where lines are pushed to, which need not be one: see OTLP.
type Loki struct {
	// URL is nil when lines go to standard output.
	URL *url.URL
	// OTLP is URL where a receiver of OpenTelemetry's protocol is there, which is spoken to and
	// named as a Loki otherwise; nil for a Loki.
	OTLP   *url.URL
	Tenant string
	// Shadow is a tenant that everything goes to instead; empty for none.
	Shadow      string
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

// settle has the one address be that of what is pushed to.
func (l *Loki) settle() {
	if l.OTLP != nil {
		l.URL = l.OTLP
	}
}

// SameKind reports whether both are of the same kind: a Loki, a receiver of OTLP, or none.
func (l *Loki) SameKind(other *Loki) bool {
	return (l.URL == nil) == (other.URL == nil) && (l.OTLP == nil) == (other.OTLP == nil)
}

// Given reports whether somebody has set a setting, so that it is not a default.
func (c *Config) Given(name string) bool { return slices.Contains(c.given, name) }

// InFlags returns the names of the secret settings whose values are in flags, which every
// user of the machine can see.
func (c *Config) InFlags() []string { return c.inFlags }
