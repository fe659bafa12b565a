package target

import (
	"regexp"

	"github.com/lighterman/lighterman/internal/logs"
)

// EnableLabel is the container label that, with the value "false", keeps a
// container from being collected.
const EnableLabel = "lighterman.enable"

// Filter chooses containers. The zero value chooses all but those that opt out.
type Filter struct {
	// Self is the ID of the container this process runs in, if it does:
	// collecting its own log would feed on itself.
	Self string
	// IncludeNames, when there are any, names the containers to collect.
	IncludeNames []*regexp.Regexp
	ExcludeNames []*regexp.Regexp
	// IncludeLabels, when there are any, are the labels of which a container
	// must have one.
	IncludeLabels []LabelMatcher
	ExcludeLabels []LabelMatcher
}

// LabelMatcher chooses containers by their labels.
type LabelMatcher interface {
	Matches(labels map[string]string) bool
}

// Wants tells whether a container is to be collected.
func (f *Filter) Wants(c *logs.Container) bool {
	switch {
	case f.Self != "" && c.ID == f.Self:
		return false
	case c.Labels[EnableLabel] == "false":
		return false
	case len(f.IncludeNames) > 0 && !matchesAny(f.IncludeNames, c.Name):
		return false
	case len(f.IncludeLabels) > 0 && !labelled(f.IncludeLabels, c.Labels):
		return false
	}
	return !matchesAny(f.ExcludeNames, c.Name) && !labelled(f.ExcludeLabels, c.Labels)
}

func matchesAny(patterns []*regexp.Regexp, name string) bool {
	for _, p := range patterns {
		if p.MatchString(name) {
			return true
		}
	}
	return false
}

func labelled(matchers []LabelMatcher, labels map[string]string) bool {
	for _, m := range matchers {
		if m.Matches(labels) {
			return true
		}
	}
	return false
}
