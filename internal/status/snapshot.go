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
	// Output is the first one, of which all else is that is said here, and Outputs are the
	// further ones.
	Output  OutputState   `json:"output"`
	Outputs []OutputState `json:"outputs,omitempty"`
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
	// Route is "file", "journal", "api", "host-file", "host-journal", "waiting" or "unreadable", and Reason says why.
	Route  string `json:"route"`
	Reason string `json:"reason"`
	// Remarks say what of its labels is not as its owner or the configuration asks for.
	Remarks []string `json:"remarks"`
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
	// Account says what has become of the lines that were read.
	Account *Account `json:"account"`
}

// Account says what has become of every line that was read since the start: Read is the sum
// of the others.
type Account struct {
	Read     int64            `json:"read"`
	Sent     int64            `json:"sent"`
	Joined   int64            `json:"joined"`
	Dropped  map[string]int64 `json:"dropped"`
	Rejected int64            `json:"rejected"`
	Pending  int64            `json:"pending"`
}

// DroppedLines is the number of lines that stages have dropped, by any rule.
func (a *Account) DroppedLines() (n int64) {
	if a == nil {
		return 0
	}
	for _, lines := range a.Dropped {
		n += lines
	}
	return n
}

// Refusal tells of lines that the sink has refused for good.
type Refusal struct {
	// Lines is their number, where it is known; the rest is about the last of them.
	Lines  int       `json:"lines,omitempty"`
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
	// Example is the timestamp of one of the lines.
	Example time.Time `json:"example"`
	// Message is the sink's own text, and Cure what an operator can do.
	Message string `json:"message"`
	Cure    string `json:"cure"`
}

func (r Refusal) clean() Refusal {
	r.Reason, r.Message, r.Cure = bounded(r.Reason), bounded(r.Message), bounded(r.Cure)
	return r
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
var routes = []string{routeFile, routeJournal, routeAPI, routeHostFile, routeHostJournal, routeWaiting, routeUnreadable}

const (
	routeFile    = "file"
	routeJournal = "journal"
	routeAPI     = "api"
	// routeHostFile is that of a file of the host.
	routeHostFile = "host-file"
	// routeHostJournal is that of the host's own journal.
	routeHostJournal = "host-journal"
	routeUnreadable  = "unreadable"
	// routeWaiting is that of a file that is not open, for want of descriptors.
	routeWaiting = "waiting"
)

// maxText bounds a text from outside, in bytes: label values, names, errors.
const maxText = 256

// maxRemarks bounds how many remarks on a container are shown.
const maxRemarks = 8

// Clean returns a copy of s that is safe to show: containers sorted by name,
// texts bounded and on one line, numbers finite.
func (s Snapshot) Clean() Snapshot {
	s.Version = bounded(s.Version)
	s.Source = bounded(s.Source)
	s.CheckpointError = bounded(s.CheckpointError)
	s.HoldError = bounded(s.HoldError)
	s.CheckpointAge = finite(s.CheckpointAge)
	s.Outputs = slices.Clone(s.Outputs)
	s.Output = s.Output.clean()
	for i, o := range s.Outputs {
		s.Outputs[i] = o.clean()
	}
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
	remarks := make([]string, 0, len(c.Remarks))
	for _, text := range c.Remarks[:min(len(c.Remarks), maxRemarks)] {
		remarks = append(remarks, bounded(text))
	}
	c.Remarks = remarks
	if c.LastRefusal != nil {
		r := c.LastRefusal.clean()
		c.LastRefusal = &r
	}
	if !slices.Contains(routes, c.Route) {
		c.Route = routeUnreadable
	}
	c.Account = c.Account.clean()
	if c.LagSeconds != nil && notFinite(*c.LagSeconds) {
		c.LagSeconds = nil
	}
	return c
}

// clean returns a copy whose rules, which come from a configuration, are safe to show.
func (a *Account) clean() *Account {
	if a == nil {
		return nil
	}
	out := *a
	out.Dropped = make(map[string]int64, len(a.Dropped))
	for rule, n := range a.Dropped {
		out.Dropped[bounded(rule)] += n
	}
	return &out
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
func bounded(s string) string { return cut(s, maxText) }

// cut is bounded with another bound, in bytes.
func cut(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
	if len(s) <= most {
		return s
	}
	end := most - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
