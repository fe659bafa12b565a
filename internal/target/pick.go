package target

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

// Pick chooses containers for a look at them. What is asked for in several ways must all
// hold; of the names, images, services and projects one is enough each, and of the labels
// all are needed. The zero value, and nil, choose all.
type Pick struct {
	// Names and Images match a part of the name or of the image.
	Names, Images []*regexp.Regexp
	// Services and Projects are those of Compose or Swarm, as they are called. A service of a
	// Swarm stack is known with the stack's name before it, and without.
	Services, Projects []string
	Labels             []LabelMatcher
	// All chooses also what its owner has opted out of, and what rules drop.
	All bool
}

// Chooses reports whether a container is looked at.
func (p *Pick) Chooses(c *logs.Container) bool {
	if p == nil {
		return true
	}
	return (len(p.Names) == 0 || matchesAny(p.Names, c.Name)) &&
		(len(p.Images) == 0 || matchesAny(p.Images, c.Image)) &&
		(len(p.Services) == 0 || slices.ContainsFunc(p.Services, func(s string) bool { return isService(c, s) })) &&
		(len(p.Projects) == 0 || slices.Contains(p.Projects, cmp.Or(c.Labels[composeProject], c.Labels[swarmStack]))) &&
		!slices.ContainsFunc(p.Labels, func(m LabelMatcher) bool { return !m.Matches(c.Labels) })
}

// all reports whether nothing but what it asks for counts.
func (p *Pick) all() bool { return p != nil && p.All }

// isService reports whether a container is one of a service.
func isService(c *logs.Container, service string) bool {
	if c.Labels[composeService] == service {
		return service != ""
	}
	task, stack := c.Labels[swarmService], c.Labels[swarmStack]
	short, inStack := strings.CutPrefix(task, stack+"_")
	return task != "" && (task == service || stack != "" && inStack && short == service)
}
