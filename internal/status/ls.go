package status

import (
	"cmp"
	"math"
	"slices"
)

// Source is where a list comes from.
type Source string

// The sources.
const (
	// Running is a lighterman that collects.
	Running Source = "running"
	// DryRun is a look at the host: what one would do.
	DryRun Source = "dry-run"
)

// List is the containers of a host and how their logs are read.
type List struct {
	Source Source `json:"source"`
	// Address is where the running lighterman was asked, or where none answered;
	// empty when nobody was asked.
	Address string `json:"address"`
	// Version is that of the lighterman that says all this.
	Version string `json:"version"`
	// EngineConnected is false when a running lighterman does not reach the
	// engine, so that what it says of the containers may be old.
	EngineConnected bool        `json:"engine_connected"`
	Coverage        Coverage    `json:"coverage"`
	Containers      []Container `json:"containers"`
	// Ready tells that all that has to be there is, and NotReady what is not. Both are
	// nil in a dry run.
	Ready    *bool     `json:"ready"`
	NotReady []Verdict `json:"not_ready"`
	// OldestSeconds is the age of the oldest line that was read and not delivered, of all
	// containers; oldest is the container's name.
	OldestSeconds *float64 `json:"oldest_undelivered_seconds"`
	oldest        string
}

// Coverage is how many containers there are, and what part goes by which route.
type Coverage struct {
	Containers int     `json:"containers"`
	Routes     []Share `json:"routes"`
}

// Share is the part of one route.
type Share struct {
	Route      string `json:"route"`
	Containers int    `json:"containers"`
	// Percent is of all containers, to one decimal place; 0 when there are none.
	Percent float64 `json:"percent"`
}

// NewList makes a list of what a running lighterman says, or would say.
func NewList(source Source, address string, of State) *List {
	l := &List{
		Source: source, Address: address, Version: of.Version, EngineConnected: of.EngineConnected,
		Containers: append([]Container{}, of.Containers...),
	}
	slices.SortFunc(l.Containers, func(a, b Container) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	l.Coverage = coverage(l.Containers)
	if source == Running {
		l.health(&of)
	}
	return l
}

// health takes what a running lighterman says of itself.
func (l *List) health(of *State) {
	l.Ready, l.NotReady = &of.Ready, []Verdict{}
	for _, v := range of.Conditions {
		if !v.OK {
			l.NotReady = append(l.NotReady, v)
		}
	}
	for _, c := range l.Containers {
		if c.LagSeconds != nil && (l.OldestSeconds == nil || *c.LagSeconds > *l.OldestSeconds) {
			l.OldestSeconds, l.oldest = c.LagSeconds, c.Name
		}
	}
}

func coverage(containers []Container) Coverage {
	counts := make(map[string]int)
	for _, c := range containers {
		counts[c.Route]++
	}
	out := Coverage{Containers: len(containers)}
	for _, route := range routes {
		n := counts[route]
		if n == 0 && (route == routeJournal || route == routeHostFile || route == routeHostJournal || route == routeWaiting) {
			continue // a host has none unless there is a journal, its files are collected, or files wait for descriptors
		}
		out.Routes = append(out.Routes, Share{Route: route, Containers: n, Percent: percent(n, len(containers))})
	}
	return out
}

// percent is n of all, to one decimal place.
func percent(n, all int) float64 {
	if all == 0 {
		return 0
	}
	return math.Round(1000*float64(n)/float64(all)) / 10
}
