package stream

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/docker/go-units"

	"github.com/lighterman/lighterman/internal/logs"
)

// longLog is the size in bytes from which on a log is resumed by its tail: to find a
// time in it takes the engine 5 s (20.10).
const longLog = 256 << 20

// tails are the numbers of records before its end from which on a log is tried to be
// resumed, the last of them 0, for the time. By time the engine decodes all of a
// json-file log from its beginning: 20 s per GiB on 20.10, and the log has no bound
// unless it is given one. 10,000 records back take it some 10 ms, 300,000 one second.
//
// Where nothing was handed over of a log there is no place to find, only a time. A line whose end
// has not come has to come again from before it. What is compressed of
// it the engine would decompress to look for the tail, and passes over by time.
func tails(c *logs.Container, from logs.Position) []int {
	if c.Driver != "json-file" || from.Last == 0 && !fresh(from) || from.Pending != 0 || c.DriverOptions["compress"] == "true" || bound(c.DriverOptions) < longLog {
		return []int{0}
	}
	return []int{10_000, 300_000, 0}
}

// tails are the places to begin at, in the order in which they are tried.
func (s *Source) tails() []int {
	from := s.start.Position
	if n := s.lastRecords(); n > 0 && from.Last == 0 && from.Latest() == 0 {
		return []int{n}
	}
	if s.start.Search > 0 {
		return []int{0} // the newest engine hangs at the tail of a log that was truncated
	}
	return tails(s.start.Container, from)
}

// lastRecords is how many records before its end the log is begun at, if it was never read
// before; 0 for all.
func (s *Source) lastRecords() int {
	if tail := s.group.config.Tail; tail != nil {
		return tail(s.start.Container.ID)
	}
	return 0
}

// fresh reports whether nothing of a log was handed over, and lines from a time on are wanted.
// The engine is not asked for that time: it would leave out whatever is written with an
// older one, by a clock that is set back, for as long as the stream lasts.
func fresh(p logs.Position) bool { return p.Since != 0 && p.Latest() == 0 && p.Pending == 0 }

// heard is the timestamp of about the newest record that was brought up to a
// position.
func heard(p logs.Position) int64 { return max(p.Latest(), p.Pending) }

// bound is how large a json-file log can become, in bytes; more than any where there
// is no limit.
func bound(options map[string]string) int64 {
	const unlimited = 1 << 62
	size, err := units.FromHumanSize(options["max-size"])
	if err != nil || size <= 0 {
		return unlimited
	}
	files, err := strconv.ParseInt(options["max-file"], 10, 32)
	if err != nil || files < 1 {
		files = 1
	}
	if size > unlimited/files {
		return unlimited
	}
	return size * files
}

// cached are the drivers that cannot be read, for which the engine keeps a cache.
var cached = []string{"awslogs", "fluentd", "gcplogs", "gelf", "logentries", "splunk", "syslog"}

// compressed reports whether the engine compresses what it has rotated of a log: of local, and
// of its cache, by default. Plugins keep logs of their own.
func compressed(c *logs.Container) bool {
	option := c.DriverOptions["compress"]
	if c.Driver == "local" || slices.Contains(cached, c.Driver) {
		return option != "false"
	}
	return option == "true"
}

// lastPatience is how long the engine may take to find the last record of a log.
const lastPatience = 3 * time.Second

// look finds out where the log ends now, up to where lines may be left out by their time,
// and returns the time to ask for. The engine is asked for none where it would leave out
// what is written with an older one, or more than what is older.
func (s *Source) look(ctx context.Context, records int, config *Config) (since int64) {
	from := &config.Resume
	since = Since(*from)
	config.Opened = time.Now().UnixNano()
	config.First = from.Seen
	if s.start.Search == 0 && (records == 0 || from.Last == 0) { // the newest engine hangs at the end of some logs
		config.Newest = s.last(ctx)
	}
	whole := fresh(*from)
	if newest := config.Newest; newest.Known && newest.Time < since {
		whole = true // the clock was set back, or all that was read is gone
	}
	if whole {
		since = 0
	}
	config.LeaveOut = whole || !from.Seen.Past || from.Seen.Time >= since // it may come again
	if !config.First.Known {
		config.First = config.Newest
	}
	if records == 0 && compressed(s.start.Container) && s.group.config.Engine.SkipsRotated() {
		config.From, since = since, 0
	}
	return since
}

// last returns the last record of the log, as far as the engine says.
func (s *Source) last(ctx context.Context) logs.Seen {
	ctx, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	body, err := s.group.config.Engine.Last(ctx, s.start.Producer.ID)
	if err != nil {
		return logs.Seen{} // whatever it is, the stream will meet it
	}
	defer func() { _ = body.Close() }()
	last, err := Last(body, s.start.Container.TTY)
	if err != nil {
		return logs.Seen{}
	}
	return last
}
