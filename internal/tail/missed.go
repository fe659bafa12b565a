package tail

import "time"

// gapBefore reports whether there were files before one that is linked, and after the one
// before it, that are gone.
func (l *Log) gapBefore(i int) bool {
	if i <= 0 || i >= len(l.files) {
		return false
	}
	before, g := l.files[i-1].held, l.files[i].held
	return before != nil && g != nil && !g.Follows(before)
}

// When files were rotated away that were not read.
const (
	notRunning = "while lighterman was not running"
	notLinked  = "while lighterman was not running, or before they could be kept in hold-dir"
	tooQuick   = "before they could be opened"
	waited     = "while the log waited for a descriptor: raise the limit of open files (LimitNOFILE=, ulimit -n)"
)

// missed reports that files which came after a time and before others are gone: Docker has
// rotated them away before they were opened. What was in them nobody knows.
func (l *Log) missed(after int64, before []*generation, when string) {
	l.events.RotatedAway()
	l.logMissed(after, before, when)
}

func (l *Log) logMissed(after int64, before []*generation, when string) {
	if l.log == nil {
		return
	}
	var found string
	for _, g := range before {
		if r, ok := g.firstRecord(); ok {
			found = stampOf(r.Time)
			break
		}
	}
	l.log.Warn("log files were rotated away before they were read: lines between these times may be lost; raise max-size or max-file of the container's log",
		"when", when, "after", stampOf(after), "before", found)
}

func stampOf(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339Nano) }
