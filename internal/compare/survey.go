package compare

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Survey is what was found on a host.
type Survey struct {
	Version string `json:"version"`
	// Seconds is how long was looked.
	Seconds    float64     `json:"seconds"`
	Containers []Container `json:"containers"`
	Modes      []Mode      `json:"modes"`
	// Measured is what one mode cost; nil when it was not tried.
	Measured *Measured `json:"measured"`
}

// Container is one container's log.
type Container struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Driver  string `json:"driver"`
	Running bool   `json:"running"`
	// Routes says for each mode how it would be read: file, journal, api or unreadable.
	Routes map[string]string `json:"routes"`
	// Reason is why nobody can read it; empty if somebody can.
	Reason string `json:"reason,omitempty"`
	// File tells that it has a file that can be looked at. Only then the
	// following are known: the bytes that are stored, those that were written
	// per second, and whether it may have been more than that.
	File           bool    `json:"file"`
	StoredBytes    int64   `json:"stored_bytes"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	AtLeast        bool    `json:"at_least,omitempty"`
}

// Mode is what a mode would do here.
type Mode struct {
	Mode string `json:"mode"`
	// Files, Journal, API and Unreadable count containers by route, Running those of API
	// that run: each holds a stream open.
	Files      int `json:"files"`
	Journal    int `json:"journal"`
	API        int `json:"api"`
	Running    int `json:"api_running"`
	Unreadable int `json:"unreadable"`
	// Goroutines and Descriptors are what the containers alone would hold, and
	// DockerdStreams what the engine would serve.
	Goroutines     int `json:"goroutines"`
	Descriptors    int `json:"descriptors"`
	DockerdStreams int `json:"dockerd_streams"`
	// DockerdBytesPerSecond is the growth of the logs that go through the
	// engine, as stored; Unknown counts the containers there without a file, of
	// which the growth is not known.
	DockerdBytesPerSecond float64 `json:"dockerd_bytes_per_second"`
	Unknown               int     `json:"unknown"`
	// DockerdRereads is what the engine reads of its own files at every start of
	// lighterman to find where to go on, in bytes.
	DockerdRereads int64 `json:"dockerd_rereads_bytes"`
}

// Covered is the number of containers that are read.
func (m Mode) Covered() int { return m.Files + m.Journal + m.API }

// Candidate is a container as it is given to New.
type Candidate struct {
	Container *logs.Container
	// Routes has one route for each mode.
	Routes map[string]logs.Route
}

// Surveyor makes a survey.
type Surveyor struct {
	modes      []string
	candidates []Candidate
	meters     []meter
	began      time.Time
}

// New begins a survey of containers for modes, in the order in which they are
// told.
func New(modes []string, candidates []Candidate) *Surveyor {
	l := &Surveyor{modes: modes, candidates: candidates, meters: make([]meter, len(candidates)), began: time.Now()}
	for i, c := range candidates {
		for _, r := range c.Routes {
			if r.Kind == logs.File {
				l.meters[i].path = r.Path
			}
		}
	}
	l.look()
	return l
}

func (l *Surveyor) look() {
	for i := range l.meters {
		if l.meters[i].path != "" {
			l.meters[i].look()
		}
	}
}

// every is the time between two looks: a rotation is missed only if there are two
// of the same log in it.
const every = 500 * time.Millisecond

// Run looks at the growth of the logs until ctx is done.
func (l *Surveyor) Run(ctx context.Context) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.look()
		case <-ctx.Done():
			return nil
		}
	}
}

// Survey returns what was found. Run must be over.
func (l *Surveyor) Survey() *Survey {
	l.look()
	seconds := time.Since(l.began).Seconds()
	s := &Survey{Seconds: seconds, Containers: make([]Container, 0, len(l.candidates))}
	for i, c := range l.candidates {
		s.Containers = append(s.Containers, container(c, l.meters[i], seconds))
	}
	slices.SortFunc(s.Containers, func(a, b Container) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, mode := range l.modes {
		s.Modes = append(s.Modes, estimate(mode, s.Containers))
	}
	return s
}

func container(c Candidate, m meter, seconds float64) Container {
	out := Container{
		Name: c.Container.Name, ID: c.Container.ID, Driver: c.Container.Driver, Running: c.Container.Running,
		Routes: make(map[string]string, len(c.Routes)),
	}
	readable := false
	for mode, r := range c.Routes {
		out.Routes[mode] = r.Kind.String()
		readable = readable || r.Kind != logs.Unreadable
	}
	if !readable {
		for _, r := range c.Routes {
			out.Reason = max(out.Reason, r.Reason) // any of them, but always the same
		}
	}
	if m.known {
		out.File, out.AtLeast = true, m.atLeast
		out.StoredBytes, out.BytesPerSecond = stored(m.path), float64(m.grown)/max(seconds, 1e-3)
	}
	return out
}

// A stream of the API has a goroutine of ours and two of its connection's, and the
// connection's descriptor. A file has its descriptor.
const (
	goroutinesPerStream  = 3
	descriptorsPerStream = 1
	descriptorsPerFile   = 1
)

func estimate(mode string, containers []Container) Mode {
	out := Mode{Mode: mode}
	for _, c := range containers {
		switch c.Routes[mode] {
		case logs.Unreadable.String():
			out.Unreadable++
		case logs.API.String():
			out.API++
			out.DockerdRereads += c.StoredBytes
			if !c.Running {
				continue
			}
			out.Running++
			out.DockerdStreams++
			out.Goroutines += goroutinesPerStream
			out.Descriptors += descriptorsPerStream
			out.DockerdBytesPerSecond += c.BytesPerSecond
			if !c.File {
				out.Unknown++
			}
		case logs.Journal.String():
			out.Journal++ // whose files all containers share
		default:
			out.Files++
			out.Descriptors += descriptorsPerFile
		}
	}
	return out
}
