package host

import (
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// beside is a kind of what is collected as containers are, and is none: the functions of
// collect.Config for it.
type beside struct {
	is     func(id string) bool
	route  func(c *logs.Container) logs.Route
	labels func(c *logs.Container) *logs.Labels
	begin  func(c *logs.Container) (logs.Position, bool)
	stages func(c *logs.Container) *atomic.Pointer[stage.Timeline]
}

// in has its functions asked for the kind, and those that were there for all else.
func (b beside) in(of *collect.Config) {
	route, labels, begin, stages, stagesOf := of.Route, of.Labels, of.Begin, of.Stages, of.StagesOf
	of.Route = func(c *logs.Container) logs.Route {
		if b.is(c.ID) {
			return b.route(c)
		}
		return route(c)
	}
	of.Labels = func(c *logs.Container) *logs.Labels {
		if b.is(c.ID) {
			return b.labels(c)
		}
		return labels(c)
	}
	of.Begin = func(c *logs.Container) (logs.Position, bool) {
		switch {
		case b.is(c.ID):
			return b.begin(c)
		case begin != nil:
			return begin(c)
		}
		return logs.Position{}, false
	}
	of.StagesOf = func(c *logs.Container) *atomic.Pointer[stage.Timeline] {
		switch {
		case b.is(c.ID):
			return b.stages(c)
		case stagesOf != nil:
			return stagesOf(c)
		}
		return stages
	}
}
