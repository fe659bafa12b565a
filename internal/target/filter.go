package target

import (
	"regexp"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

// Filter chooses containers. The zero value chooses all.
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
	// Pick chooses further, for a look; nil for all.
	Pick *Pick
}

// NotPicked is why a container is left out that nobody has asked for.
const NotPicked = "it was not asked for"

// LabelMatcher chooses containers by their labels.
type LabelMatcher interface {
	Matches(labels map[string]string) bool
}

// Excludes says why a container is not to be collected; nothing for one that is.
func (f *Filter) Excludes(c *logs.Container) string {
	switch {
	case f.Self != "" && c.ID == f.Self:
		return "it is lighterman's own container"
	case !f.Pick.Chooses(c):
		return NotPicked
	case len(f.IncludeNames) > 0 && !matchesAny(f.IncludeNames, c.Name):
		return "no pattern of include-name matches its whole name"
	case len(f.IncludeLabels) > 0 && !labelled(f.IncludeLabels, c.Labels):
		return "it has no label of include-label"
	case matchesAny(f.ExcludeNames, c.Name):
		return "a pattern of exclude-name matches its name"
	case labelled(f.ExcludeLabels, c.Labels):
		return "it has a label of exclude-label"
	}
	return ""
}

func matchesAny(patterns []*regexp.Regexp, name string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) })
}

func labelled(matchers []LabelMatcher, labels map[string]string) bool {
	return slices.ContainsFunc(matchers, func(m LabelMatcher) bool { return m.Matches(labels) })
}
