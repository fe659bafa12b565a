package config

import "time"

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

// Private says whether lines, labels, the configuration and lighterman's own messages are
// shown on the pages.
type Private string

// The choices for what is private.
const (
	// PrivateAuto shows it where whoever asks has shown that he may.
	PrivateAuto   Private = "auto"
	PrivateAlways Private = "always"
	PrivateNever  Private = "never"
)

// Since is where reading starts for a container never seen before: at the
// beginning, at now, or Age ago.
type Since struct {
	Beginning bool
	Now       bool
	Age       time.Duration
}

// Floor is the time before which the lines of containers never seen before are
// left out. "Now" is the first start with this state directory: what is
// written while lighterman is away is then not taken for old.
func (s Since) Floor(born, now time.Time) int64 {
	switch {
	case s.Beginning:
		return 0
	case s.Now:
		return born.UnixNano()
	default:
		return now.Add(-s.Age).UnixNano()
	}
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
	// AnyValue says that having the label is enough.
	AnyValue bool
}

// Matches reports whether a container with these labels is matched.
func (m LabelMatch) Matches(labels map[string]string) bool {
	value, ok := labels[m.Key]
	return ok && (m.AnyValue || value == m.Value)
}
