package listing

import (
	"cmp"
	"math"
	"slices"

	"github.com/lighterman/lighterman/internal/status"
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

// Container is one container. What only a running lighterman knows is nil in a
// dry run, and so is a lag that is not known.
type Container struct {
	Name       string           `json:"name"`
	ID         string           `json:"id"`
	Driver     string           `json:"driver"`
	Route      string           `json:"route"`
	Reason     string           `json:"reason"`
	Position   *status.Position `json:"position"`
	LagBytes   *int64           `json:"lag_bytes"`
	LagSeconds *float64         `json:"lag_seconds"`
	Lines      *uint64          `json:"lines"`
	// LastError is empty when there was none.
	LastError string `json:"last_error"`
}

// routes are the routes in the order of preference; shares of the first, the
// third and the last are always told.
var routes = []string{"file", "journal", "api", "unreadable"}

// New makes a list of what a running lighterman says, or would say.
func New(source Source, address string, of status.Snapshot) *List {
	l := &List{
		Source: source, Address: address, Version: of.Version, EngineConnected: of.EngineConnected,
		Containers: make([]Container, 0, len(of.Containers)),
	}
	for _, c := range of.Containers {
		l.Containers = append(l.Containers, container(source, c))
	}
	slices.SortFunc(l.Containers, func(a, b Container) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	l.Coverage = coverage(l.Containers)
	return l
}

func container(source Source, in status.ContainerStatus) Container {
	out := Container{
		Name: in.Name, ID: in.ID, Driver: in.Driver, Route: in.Route, Reason: in.Reason, LastError: in.LastError,
	}
	if source == DryRun {
		return out
	}
	out.Position, out.Lines = in.Position, &in.Lines
	if in.LagBytes >= 0 {
		out.LagBytes = &in.LagBytes
	}
	if in.LagSeconds >= 0 {
		out.LagSeconds = &in.LagSeconds
	}
	return out
}

func coverage(containers []Container) Coverage {
	counts := make(map[string]int)
	for _, c := range containers {
		counts[c.Route]++
	}
	out := Coverage{Containers: len(containers)}
	for _, route := range routes {
		n := counts[route]
		if n == 0 && route == "journal" {
			continue // a host has none unless there is a journal
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
