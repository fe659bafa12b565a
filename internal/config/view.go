package config

import (
	"regexp"
	"strings"
	"time"
)

// Pick chooses containers for a look at them, beside what the settings choose. No setting
// is of it: it comes from the arguments of a command.
type Pick struct {
	// Names and Images match a part of the name or of the image.
	Names, Images []*regexp.Regexp
	// Services and Projects are those of Compose or Swarm.
	Services, Projects []string
	// Labels are all needed.
	Labels []LabelMatch
	// All chooses also what containers' owners have opted out of, and rules drop.
	All bool
}

// ParseSince reads where a look begins, as the setting since has it, or a time in the form
// of RFC 3339.
func ParseSince(text string, now time.Time) (Since, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return Since{Age: max(0, now.Sub(at))}, nil
	}
	return parseSince(text)
}

// ParseLines reads a number of lines.
func ParseLines(text string) (Lines, error) { return parseLines(text) }

// ParseLabel reads KEY or KEY=VALUE.
func ParseLabel(text string) (LabelMatch, error) { return parseLabelMatch(text) }

// ParsePattern reads a regular expression that matches a part of a text.
func ParsePattern(text string) (*regexp.Regexp, error) {
	if err := checkPattern(text); err != nil {
		return nil, err
	}
	return regexp.Compile(text)
}

// IsFlag reports whether an argument is the flag of a setting, and whether its value is the
// next argument.
func IsFlag(arg string) (known, valueNext bool) {
	name, isLong := strings.CutPrefix(arg, "--")
	name, _, attached := strings.Cut(name, "=")
	s := find(settings, name)
	if !isLong || s == nil {
		return false, false
	}
	return true, !attached && s.kind != kindBool
}

// Flags returns the flags of all settings.
func Flags() (all []string) {
	for _, name := range settingNames() {
		all = append(all, "--"+name)
	}
	return all
}
