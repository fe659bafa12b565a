package collect

import (
	"strconv"

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

// fresh tells that nothing of a log was handed over, and lines from a time on are wanted.
// The engine is not asked for that time: it would leave out whatever is written with an
// older one, by a clock that is set back, for as long as the stream lasts.
func fresh(p logs.Position) bool { return p.Since != 0 && p.Latest() == 0 && p.Pending == 0 }

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
