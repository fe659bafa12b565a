package config

import (
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/redact"
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
	// ListenHosts are further names that requests to it may be made under.
	ListenHosts []string
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
	// Tail is how many of the last lines of each container come first.
	Tail Lines
	// FilePercent is the share of eligible containers that go by file.
	FilePercent int
	// HoldBytes bounds the files that only lighterman keeps alive; 0 for no
	// bound. HoldDir is empty when live logs are not linked.
	HoldBytes int64
	HoldDir   string
	// JournalDir is empty unless it was set: the usual places are then looked at.
	// "none" in it means no journal.
	JournalDir []string
	// JournalSender is who sends lines of containers to journald; empty unless it was set.
	JournalSender []Sender
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

	// Secrets hides what must not be shown, in texts of any kind: all secrets that are
	// set, here or in the variables of the engine's client and of proxies.
	Secrets *redact.Scrubber

	// shown is what Effective prints: secrets are not in it.
	shown []shown
}

// Given reports whether somebody has set a setting, so that it is not a default.
func (c *Config) Given(name string) bool {
	for _, s := range c.shown {
		if s.setting.name == name {
			return (s.hidden || len(s.texts) > 0) && (!strings.HasPrefix(s.from, "default") || s.from == fromSystemd)
		}
	}
	return false
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

// Lines is a number of lines, where there is one.
type Lines struct {
	Set bool
	N   int
}

// Sender is a user's number and the name of a program, empty for any.
type Sender struct {
	UID     uint32
	Program string
	// Any stands for everybody.
	Any bool
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

// InFlags returns the names of the secret settings whose values are in flags, which every
// user of the machine can see.
func (c *Config) InFlags() (names []string) {
	for _, line := range c.shown {
		if line.hidden && strings.HasPrefix(line.from, "flag ") {
			names = append(names, line.setting.name)
		}
	}
	return names
}
