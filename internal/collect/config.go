package collect

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/reader"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/stream"
	"github.com/lighterman/lighterman/internal/tail"
	"github.com/lighterman/lighterman/internal/watch"
)

// Discovery is the desired set. What is wanted may be collected before all is known, but
// until then nothing may be concluded from what is absent: it exists.
type Discovery interface {
	Updates() <-chan struct{}
	Wanted() (set map[string]*logs.Container, known bool)
	// Known is what Wanted says, without taking note of what it returns.
	Known() bool
	// Complete reports whether all that there was at the first look has been inspected. While it
	// has not, Wanted may lack containers that are there.
	Complete() bool
	Exists(id string) bool
	Excluded(id string) bool
	Refresh(id string)
}

// Engine opens logs through the API.
type Engine = stream.Engine

// Lane takes entries, and says when to read more; see package dispatch for the rules of
// its methods.
type Lane interface {
	producer.Lane
	reader.Lane
	Forget(id string)
}

// Store keeps what was delivered.
type Store interface {
	producer.Store
	Get(id string) (checkpoint.Record, bool)
	Forget(id string)
	IDs() []string
	// SaveLabels saves timelines so that they survive also if one of its files is damaged; after
	// an error they are nowhere.
	SaveLabels(of map[string][]checkpoint.LabelsSince) error
	// AfterSave calls f when all that was changed so far is on disk, twice.
	AfterSave(f func())
}

// Metrics counts what is read.
type Metrics interface {
	// Lines counts entries that were handed over, and their bytes of text.
	Lines(route string, lines, bytes int)
	CorruptRecord()
	LineCut()
	// ForgedEntry counts an entry of the journal that another program than the
	// engine has sent.
	ForgedEntry()
	LeftOut(bytes int)
	LineSkipped(reason string)
	Truncated(found bool, lost int64)
	// RotatedAway counts a start at which log files were gone that come after the place
	// where reading was left.
	RotatedAway()
	// Unsure counts a start at which nobody can say which of several files that
	// begin alike was read last.
	Unsure()
	// Dropped counts entries that a rule of the stages has dropped, and Joined lines that
	// became part of the entry of another line.
	Dropped(rule string, entries int)
	Joined(lines int)
	// Reconnected counts log streams that were opened again.
	Reconnected()
}

// Config says what is collected, from where and to where.
type Config struct {
	Discovery Discovery
	Engine    Engine
	Store     Store
	Metrics   Metrics
	// Watcher reports changes of files; nil for looking at them.
	Watcher *watch.Watcher
	// Journal is the host's; nil when it is not to be read.
	Journal *journal.Journal
	// Breadcrumbs keep what was read when a process was killed; nil for none.
	Breadcrumbs *checkpoint.Breadcrumbs
	// Hold keeps what Docker deletes; nil for no bound and no links.
	Hold *hold.Hold
	Log  *slog.Logger
	// Lanes has one element per reader of files; LaneOf says through which one
	// a container's entries go.
	Lanes  []Lane
	LaneOf func(id string) int
	// Route decides how a container is read. It may look at files.
	Route func(*logs.Container) logs.Route
	// Labels gives a container its labels.
	Labels func(*logs.Container) *logs.Labels
	// Floor is the time in Unix nanoseconds before which entries of containers
	// never seen before are left out; 0 for all.
	Floor int64
	// Begin returns where the log of a container never seen before is begun, where that
	// is not Floor; nil for always there.
	Begin func(*logs.Container) (at logs.Position, ok bool)
	// Tail returns how many of the last records of a container's log that was never read
	// before are asked of the engine; 0 for all from Floor on. Nil is for all of all.
	Tail func(id string) int
	// PollInterval is how often a file is looked at while it is being written;
	// 0 to be woken for every change instead.
	PollInterval time.Duration
	// MaxLogs is how many logs may be open at a time; 0 for as many as the system allows.
	MaxLogs int
	// Room bounds the descriptors of files.
	Room tail.Room
	// Stages are what lines go through, from which time on; nil for nothing. Others may be
	// stored in it, as for producer.New. StagesOf, if it is not nil, says it for each container.
	Stages   *atomic.Pointer[stage.Timeline]
	StagesOf func(*logs.Container) *atomic.Pointer[stage.Timeline]
	// HostFile begins the configuration of a file of the host; nil where there are none.
	HostFile func(id string) plain.Config
	// HostJournal returns the journal of the host, and what is read of it; nil where that is
	// not to be read.
	HostJournal func(id string) (*journal.Journal, *journal.Selection)
	// MaxLine is the size in bytes from which on a line is cut.
	MaxLine int
}
