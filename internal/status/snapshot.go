package status

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Snapshot is the state of the process at one moment, as plain data.
type Snapshot struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Containers may come in any order.
	Containers []Container `json:"containers"`
	// BufferedBytes is the size of what was read and is not acknowledged.
	BufferedBytes int64 `json:"buffered_bytes"`
	// SetAside is the number of containers whose delivery waits for a reason
	// that concerns them alone.
	SetAside int `json:"set_aside_containers"`
	// CrowdedLabels is the number of labels that have too many values on this host.
	CrowdedLabels int `json:"crowded_labels"`
	// Source is the engine's address, or without one the directory in which
	// containers are found; EngineConnected tells that it answers, or can be read.
	Source           string `json:"source"`
	EngineConnected  bool   `json:"engine_connected"`
	APIStreams       int    `json:"api_streams"`
	InotifyWatches   int    `json:"inotify_watches"`
	InotifyEvents    uint64 `json:"inotify_events"`
	InotifyOverflows uint64 `json:"inotify_overflows"`

	// HeldBytes and HeldFiles measure the log files that only this process
	// keeps alive.
	HeldBytes int64 `json:"held_bytes"`
	HeldFiles int   `json:"held_files"`
	// HoldLinks is the number of hard links to logs, HoldFailures of those
	// that could not be made, and HoldError why the last one could not.
	HoldLinks    int    `json:"hold_links"`
	HoldFailures uint64 `json:"hold_link_failures"`
	HoldError    string `json:"hold_error,omitempty"`

	CheckpointSaves    uint64 `json:"checkpoint_saves"`
	CheckpointFailures uint64 `json:"checkpoint_failures"`
	// CheckpointError is empty when the last save succeeded.
	CheckpointError string `json:"checkpoint_error,omitempty"`
	// CheckpointAge is the age in seconds of the oldest change not on disk.
	CheckpointAge float64 `json:"checkpoint_unsaved_seconds"`
}

// Container is the state of one container. What is not known is nil: in a dry run all that
// only a running lighterman knows.
type Container struct {
	Name   string `json:"name"`
	ID     string `json:"id"`
	Driver string `json:"driver"`
	// Route is "file", "journal", "api", "host-file", "waiting" or "unreadable", and Reason says why.
	Route  string `json:"route"`
	Reason string `json:"reason"`
	// Position is what delivery has reached.
	Position *Position `json:"position"`
	// LagBytes and LagSeconds are how far delivery is behind.
	LagBytes   *int64   `json:"lag_bytes"`
	LagSeconds *float64 `json:"lag_seconds"`
	Lines      *uint64  `json:"lines"`
	// LastError is empty when there was none.
	LastError string `json:"last_error"`
	// Refused is the number of lines that the sink has refused for good since the start,
	// and LastRefusal the last of them; nil when there was none.
	Refused     *uint64  `json:"refused"`
	LastRefusal *Refusal `json:"last_refusal"`
}

// Refusal tells of lines that the sink has refused for good.
type Refusal struct {
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
	// Example is the timestamp of one of the lines.
	Example time.Time `json:"example"`
	// Message is the sink's own text, and Cure what an operator can do.
	Message string `json:"message"`
	Cure    string `json:"cure"`
}

// Position is the place in a container's log up to which everything is
// acknowledged.
type Position struct {
	// Inode and Offset, in bytes, are those of the file that was read last; 0
	// when none was.
	Inode  uint64 `json:"inode"`
	Offset int64  `json:"offset"`
	// Time is the timestamp of the last line; zero when there was none.
	Time time.Time `json:"time,omitzero"`
}

// routes are the routes that are always reported, also when no container has
// them. Any other counts as unreadable.
var routes = []string{routeFile, routeJournal, routeAPI, routeHostFile, routeWaiting, routeUnreadable}

const (
	routeFile    = "file"
	routeJournal = "journal"
	routeAPI     = "api"
	// routeHostFile is that of a file of the host.
	routeHostFile   = "host-file"
	routeUnreadable = "unreadable"
	// routeWaiting is that of a file that is not open, for want of descriptors.
	routeWaiting = "waiting"
)

// maxText bounds a text from outside, in bytes: label values, names, errors.
const maxText = 256

// Clean returns a copy of s that is safe to show: containers sorted by name,
// texts bounded and on one line, numbers finite.
func (s Snapshot) Clean() Snapshot {
	s.Version = bounded(s.Version)
	s.Source = bounded(s.Source)
	s.CheckpointError = bounded(s.CheckpointError)
	s.HoldError = bounded(s.HoldError)
	s.CheckpointAge = finite(s.CheckpointAge)
	s.Containers = slices.Clone(s.Containers)
	for i, c := range s.Containers {
		s.Containers[i] = c.clean()
	}
	slices.SortFunc(s.Containers, func(a, b Container) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return s
}

func (c Container) clean() Container {
	for _, text := range []*string{&c.Name, &c.ID, &c.Driver, &c.Reason, &c.LastError} {
		*text = bounded(*text)
	}
	if c.LastRefusal != nil {
		r := *c.LastRefusal
		r.Reason, r.Message, r.Cure = bounded(r.Reason), bounded(r.Message), bounded(r.Cure)
		c.LastRefusal = &r
	}
	if !slices.Contains(routes, c.Route) {
		c.Route = routeUnreadable
	}
	if c.LagSeconds != nil && notFinite(*c.LagSeconds) {
		c.LagSeconds = nil
	}
	return c
}

// finite replaces what JSON cannot express by "not known".
func finite(f float64) float64 {
	if notFinite(f) {
		return -1
	}
	return f
}

func notFinite(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }

// bounded returns a text as valid UTF-8, without control characters and cut to
// maxText bytes.
func bounded(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
	if len(s) <= maxText {
		return s
	}
	end := maxText - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
