package suggest

import (
	"fmt"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// Kind is what a finding is about.
type Kind string

// The kinds, in the order of the configuration.
const (
	Join     Kind = "joined_lines"
	Format   Kind = "format"
	Colours  Kind = "colours"
	Noise    Kind = "noise"
	Secrets  Kind = "secrets"
	Labels   Kind = "labels"
	Level    Kind = "level"
	Rotation Kind = "rotation"
	Disk     Kind = "disk"
)

// Finding is one thing that is worth a setting.
type Finding struct {
	Kind Kind
	// Text says in a sentence what was found, with figures.
	Text string
	// Lines is how many lines it concerns, of how many.
	Lines, Of int64
	// Names are the presets, rules or fields that it is about.
	Names []string
	// Stages are the stages that do something about it, each on one line of YAML.
	Stages []string
	// Unsure says that only an operator can know: the stages are proposed in comments.
	Unsure bool
}

// Subject is a container that is looked at.
type Subject struct {
	Name, ID, Image string
	// Label and Value are a label in Loki that names it; empty where there is none.
	Label, Value string
	// Taken are the names of labels and metadata that its lines have already.
	Taken []string
	// LevelsFound says that the setting detect-level is on.
	LevelsFound bool
}

// Container is what was found of one container.
type Container struct {
	Name, ID string
	// Label and Value name it in Loki.
	Label, Value string
	// Read says how its log was read, Unread why it could not be; one of them is empty.
	Read, Unread string
	// Lines and Bytes are the sample, of the times From to To in Unix nanoseconds. Whole
	// says that there is no more of the time that was asked for.
	Lines, Bytes int64
	From, To     int64
	Whole        bool
	Findings     []Finding
	// Missed is how many lines have a level that Loki does not find.
	Missed int64
}

// Line is a line as it would be sent now, or several that are one entry already.
type Line struct {
	Time   int64
	Stream logs.Stream
	Text   []byte
	// Level is what a stage says of it, Unknown where none does.
	Level level.Level
	// Metadata is the structured metadata that stages have given it; nil for none.
	Metadata logs.Metadata
}

// plural is a number and a noun.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// percent is a part in words.
func percent(n, of int64) string {
	if n > 0 && share(n, of) == 0 {
		return "less than 1 %"
	}
	return fmt.Sprintf("%d %%", share(n, of))
}

// length is a duration as people say it.
func length(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int64(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int64(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int64(d.Hours()))
	}
	return fmt.Sprintf("%d days", int64(d.Hours()/24))
}

// size is a number of bytes as people say it.
func size(n int64) string {
	const unit = 1024
	switch {
	case n < 10*unit:
		return fmt.Sprintf("%d bytes", n)
	case n < 10*unit*unit:
		return fmt.Sprintf("%d KiB", n/unit)
	}
	return fmt.Sprintf("%d MiB", n/unit/unit)
}
