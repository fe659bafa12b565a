package config

import (
	"log/slog"
	"regexp"
	"slices"
	"time"
)

// The sections of the table, in the order of the reference.
const (
	general  = "General"
	reading  = "Reading logs"
	choosing = "Choosing containers"
	delivery = "Delivery"
	login    = "Access to Loki"
	network  = "TLS and proxy"
	// labelling is the group of the sections.
	labelling = "Labels and stages"
)

// settings is the table: the one place that says which settings exist.
var settings = slices.Concat(generalSettings, readingSettings, choosingSettings,
	deliverySettings, loginSettings, networkSettings)

// lookup finds a setting by name.
func lookup(name string) *setting {
	for _, s := range settings {
		if s.name == name {
			return s
		}
	}
	return nil
}

// configFile is the setting that names the YAML file. It cannot be in it.
const configFile = "config"

var generalSettings = []*setting{{
	name: configFile, kind: kindFile, section: general,
	auto: "none", example: "/etc/lighterman/lighterman.yaml",
	help:  "YAML file with settings. It is only a flag and a variable, not a key of the file.",
	store: into(func(c *Config) *string { return &c.File }, parseText),
}, {
	name: "log-level", kind: choiceKind("debug", "info", "warn", "error"), section: general, def: "info",
	help:  "Least severity of lighterman's own messages, which go to standard error.",
	store: into(func(c *Config) *slog.Level { return &c.Log.Level }, parseLogLevel),
}, {
	name: "log-format", kind: choiceKind("text", "json"), section: general, def: "text",
	help:  "Format of lighterman's own messages.",
	store: into(func(c *Config) *LogFormat { return &c.Log.Format }, choice(LogText, LogJSON)),
}, {
	name: "color", kind: choiceKind("auto", "always", "never"), section: general, def: "auto",
	help:  "Colour for log lines that go to standard output instead of Loki; auto colours a terminal only.",
	store: into(func(c *Config) *Color { return &c.Log.Color }, choice(ColorAuto, ColorAlways, ColorNever)),
}, {
	name: "listen", kind: kindAddress, section: general, def: "127.0.0.1:9177",
	help:  "Address of metrics, health checks and the status page, or off. Lines that go to standard output need none: then it is off unless it is set.",
	store: into(func(c *Config) *string { return &c.Listener.Address }, parseListen),
}, {
	name: "listen-hosts", kind: kindHosts, section: general, auto: "addresses, localhost and the machine's own name", example: "lighterman",
	help:  "Further host names that requests to the listener may be made under, such as the name of lighterman's container or service that Prometheus scrapes. Requests under another name are refused, so that no web page can read the status through a browser.",
	store: onto(func(c *Config) *[]string { return &c.Listener.Hosts }, parseHost),
}, {
	name: "state-dir", kind: kindDir, section: general, example: "/var/lib/lighterman",
	auto:  "systemd's STATE_DIRECTORY, then /var/lib/lighterman for root, then $XDG_STATE_HOME/lighterman or ~/.local/state/lighterman",
	help:  "Directory where the positions reached in every log are kept. It must belong to lighterman's user or to root, and nobody else may write to it. Lines that go to standard output need none: unless it is set, nothing is kept then.",
	store: into(func(c *Config) *string { return &c.StateDir }, parseText),
}, {
	name: "shutdown-timeout", kind: kindDuration, section: general, def: "10s",
	help:  "How long a stop may take to deliver what has been read. What is not delivered by then is read again at the next start.",
	store: into(func(c *Config) *time.Duration { return &c.Limits.Shutdown }, parseDuration),
}}

var readingSettings = []*setting{{
	name: "mode", kind: choiceKind("hybrid", "file", "stream"), section: reading, def: "hybrid",
	help:  "hybrid reads Docker's own files and the journal's where it can, and the Docker API otherwise; file never takes the API, and stream takes nothing else.",
	store: into(func(c *Config) *Mode { return &c.Reading.Mode }, choice(Hybrid, FileOnly, StreamOnly)),
}, {
	name: "docker-host", kind: kindEngine, section: reading,
	auto: "DOCKER_HOST, then unix:///var/run/docker.sock, then the user's rootless Docker", example: "unix:///var/run/docker.sock",
	help:  "The Docker Engine to collect from, or none to do without its socket: containers are then found in docker-root, and logs that only the API has are named and not read.",
	store: into(func(c *Config) *string { return &c.Docker.Host }, parseEngine),
}, {
	name: "docker-root", kind: kindDir, section: reading,
	auto: "what the engine says, then the usual places", example: "/var/lib/docker",
	help:  "Docker's data directory as lighterman sees it, for example where it is mounted in lighterman's container.",
	store: into(func(c *Config) *string { return &c.Docker.Root }, parseText),
}, {
	name: "since", kind: kindSince, section: reading, def: "168h",
	help:  "Where to start in the log of a container that was never seen before: older lines that are in it by then are left out, and counted as far as they are read (lighterman_skipped_lines_total). What is written later is delivered, whatever its time. The default is the age up to which Loki accepts lines unless it is told otherwise; lines that go to standard output begin with now, unless a state directory is set.",
	store: into(func(c *Config) *Since { return &c.Reading.Since }, parseSince),
}, {
	name: "tail", kind: kindLines, section: reading, auto: "all that since allows", example: "20",
	help:  "With standard output: begin with so many of the last lines of each container. Together with since, both bounds hold.",
	store: into(func(c *Config) *Lines { return &c.Reading.Tail }, parseLines),
}, {
	name: "file-percent", kind: kindPercent, section: reading, def: "100",
	help:  "Share of the containers with a readable file or journal that are read from it; the rest goes by the API. The choice is stable per container.",
	store: into(func(c *Config) *int { return &c.Reading.FilePercent }, parsePercent),
}, {
	name: "hold-bytes", kind: kindSize, section: reading, def: "1GiB",
	help:  "Bytes of log files that Docker has deleted and that are kept until they are delivered. Beyond that the oldest is given up and counted; 0 for no bound.",
	store: into(func(c *Config) *int64 { return &c.Hold.Bytes }, size[int64](0, 1<<50)),
}, {
	name: "hold-dir", kind: kindDir, section: reading, auto: "none", example: "/var/lib/docker/lighterman-hold",
	help:  "Directory for hard links to live logs, so that nothing is lost while lighterman is down. It must be on the same mount as Docker's data directory, which must be writable, and outside its directory containers.",
	store: into(func(c *Config) *string { return &c.Hold.Dir }, parseText),
}, {
	name: "journal-dir", kind: kindDirs, section: reading, auto: "/var/log/journal and /run/log/journal", example: "/var/log/journal",
	help:  "Directories of the systemd journal, for containers that log to journald; none to read these through the Docker API.",
	store: onto(func(c *Config) *[]string { return &c.Journal.Dirs }, parseText),
}, {
	name: "journal-sender", kind: kindSenders, section: reading, auto: "0/dockerd, and the same of lighterman's own user", example: "1000/dockerd",
	help:  "Who sends the lines of containers to journald: the user's number and the program's name, as in the fields _UID and _COMM, the number alone for all programs of a user, or any for everybody. What others send in a container's name is left out and counted.",
	store: onto(func(c *Config) *[]Sender { return &c.Journal.Senders }, parseSender),
}, {
	name: "max-line-bytes", kind: kindSize, section: reading, def: "256KiB",
	help:  "Longer lines are cut, marked as cut and counted. The default is what Loki takes unless it is told otherwise.",
	store: into(func(c *Config) *int { return &c.Limits.LineBytes }, size[int](1<<10, 1<<30)),
}, {
	name: "max-memory", kind: kindSize, section: reading, def: "64MiB",
	help:  "Bytes of lines that may be read and not yet acknowledged. Beyond that nothing more is read until Loki has caught up. Less is held where the memory limit of the control group (docker run -m, MemoryMax=) does not allow for it; lighterman needs 64MiB in all, and says so where the limit is lower.",
	store: into(func(c *Config) *int64 { return &c.Limits.Memory }, size[int64](1<<20, 1<<40)),
}}

var choosingSettings = []*setting{{
	name: "include-name", kind: kindPatterns, section: choosing, auto: "all", example: "web-.*",
	help:  "Collect only containers whose name matches one of these regular expressions. They are fully anchored, as in Prometheus: web matches web and not web-1.",
	store: onto(func(c *Config) *[]*regexp.Regexp { return &c.Containers.IncludeName }, parsePattern),
}, {
	name: "exclude-name", kind: kindPatterns, section: choosing, auto: "none", example: ".*-test",
	help:  "Leave out containers whose name matches one of these fully anchored regular expressions. Leaving out wins over including.",
	store: onto(func(c *Config) *[]*regexp.Regexp { return &c.Containers.ExcludeName }, parsePattern),
}, {
	name: "include-label", kind: kindMatches, section: choosing, auto: "all", example: "com.example.team=shop",
	help:  "Collect only containers that have one of these labels, with any value or with exactly this one.",
	store: onto(func(c *Config) *[]LabelMatch { return &c.Containers.IncludeLabel }, parseLabelMatch),
}, {
	name: "exclude-label", kind: kindMatches, section: choosing, auto: "none", example: "com.example.noisy",
	help:  "Leave out containers that have one of these labels. The label lighterman.enable=false does the same without any setting.",
	store: onto(func(c *Config) *[]LabelMatch { return &c.Containers.ExcludeLabel }, parseLabelMatch),
}}
