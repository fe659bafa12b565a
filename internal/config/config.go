package config

import (
	"log/slog"
	"net/url"
	"regexp"
	"time"
)

// Config is a complete, validated configuration.
type Config struct {
	// File is the YAML file that was read; empty when there was none.
	File string

	// LogLevel, LogFormat and Color shape what lighterman itself prints.
	LogLevel  slog.Level
	LogFormat LogFormat
	Color     Color
	// Listen is the address of metrics and status page; empty means off.
	Listen string
	// StateDir is where checkpoints are kept.
	StateDir string
	// ShutdownTimeout is how long a stop may take to drain; 0 drops the drain.
	ShutdownTimeout time.Duration

	Mode Mode
	// DockerHost is empty unless it was set: DOCKER_HOST and the engine's
	// usual socket are then for the client to try. NoEngine is one of its values.
	DockerHost string
	// DockerRoot is empty unless it was set: the engine is then asked.
	DockerRoot string
	Since      Since
	// FilePercent is the share of eligible containers that go by file.
	FilePercent int
	// HoldBytes bounds the files that only lighterman keeps alive; 0 for no
	// bound. HoldDir is empty when live logs are not linked.
	HoldBytes int64
	HoldDir   string
	// JournalDir is empty unless it was set: the usual places are then looked at.
	// "none" in it means no journal.
	JournalDir []string
	// IncludeName and ExcludeName match whole names. Nothing in an include
	// list means everything.
	IncludeName  []*regexp.Regexp
	ExcludeName  []*regexp.Regexp
	IncludeLabel []LabelMatch
	ExcludeLabel []LabelMatch

	BatchWait time.Duration
	// BatchSize is in bytes.
	BatchSize int
	// MaxLineBytes is the length after which a line is cut.
	MaxLineBytes int
	// MaxMemory bounds the bytes of lines read and not yet acknowledged.
	MaxMemory int64

	// LokiURL is nil when entries go to standard output.
	LokiURL     *url.URL
	PushTimeout time.Duration
	// HostLabel is the value of the host label; empty only when the machine
	// has no name.
	HostLabel      string
	ExternalLabels map[string]string

	TenantID            string
	LokiUsername        string
	LokiPassword        Secret
	LokiPasswordFile    string
	LokiBearerToken     Secret
	LokiBearerTokenFile string

	TLSCAFile             string
	TLSCertFile           string
	TLSKeyFile            string
	TLSServerName         string
	TLSInsecureSkipVerify bool
	// ProxyURL is nil when HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide. It
	// may hold a password: print it with Redacted.
	ProxyURL *url.URL

	// shown is what Effective prints: secrets are not in it.
	shown []shown
}

// Mode is how logs are read.
type Mode string

// The modes.
const (
	Hybrid     Mode = "hybrid"
	FileOnly   Mode = "file"
	StreamOnly Mode = "stream"
)

// NoEngine is the docker-host of those who do without the engine's API.
const NoEngine = "none"

// LogFormat is the format of lighterman's own log.
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Color says whether entries on standard output are coloured.
type Color string

// The choices for colour.
const (
	ColorAuto   Color = "auto"
	ColorAlways Color = "always"
	ColorNever  Color = "never"
)

// Since is where reading starts for a container never seen before: at the
// beginning, at now, or Age ago.
type Since struct {
	Beginning bool
	Now       bool
	Age       time.Duration
}

// LabelMatch matches a container by one label.
type LabelMatch struct {
	Key   string
	Value string
	// AnyValue tells that having the label is enough.
	AnyValue bool
}

// Matches tells whether a container with these labels is matched.
func (m LabelMatch) Matches(labels map[string]string) bool {
	value, ok := labels[m.Key]
	return ok && (m.AnyValue || value == m.Value)
}
