package journal

import (
	"slices"

	"github.com/lighterman/lighterman/internal/journalfile"
)

// sleeper is a log that waits for more, as it was when it fell asleep: the goroutine that
// reports changes looks at that, and at nothing that the log's own goroutine writes.
type sleeper struct {
	wake  func()
	find  finder
	parts []asleep
}

// asleep is how far one file was read.
type asleep struct {
	file *file
	// unknown: nothing of the container was found in it yet.
	unknown bool
	cursor  journalfile.Cursor
}

// more reports whether a file has what was not read.
func (a asleep) more(find finder, c *journalfile.Cache) bool {
	if a.unknown {
		_, there, _ := find.in(a.file, c)
		return there
	}
	n, err := a.file.Count(a.cursor.Data())
	return err == nil && n > a.cursor.Taken()
}

// reached is how far the files were read.
func (l *Log) reached() []asleep {
	out := make([]asleep, 0, len(l.parts))
	for _, p := range l.parts {
		out = append(out, asleep{file: p.file, unknown: p.state == unknown, cursor: p.cursor})
	}
	return out
}

// anyMore reports whether files have what was not read.
func (j *Journal) anyMore(find finder, parts []asleep) bool {
	cache := j.probe.Swap(nil)
	if cache == nil {
		cache = new(journalfile.Cache)
	}
	defer j.probe.Store(cache)
	cache.Reset()
	return slices.ContainsFunc(parts, func(a asleep) bool { return a.more(find, cache) })
}

// wake wakes the logs that have something to read. Their files may be closed meanwhile, which
// is an error like any other.
func (j *Journal) wake() {
	j.refresh()
	sleeping := make(map[*Log]*sleeper)
	j.mu.Lock()
	for l, s := range j.asleep {
		sleeping[l] = s
	}
	j.mu.Unlock()
	for l, s := range sleeping {
		if !j.anyMore(s.find, s.parts) && !j.hasPending(l) {
			continue
		}
		j.mu.Lock()
		same := j.asleep[l] == s // otherwise somebody else has woken it
		if same {
			delete(j.asleep, l)
		}
		j.mu.Unlock()
		if same {
			s.wake()
		}
	}
}

// hasPending reports whether there are files that a log has not looked at yet.
func (j *Journal) hasPending(l *Log) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(l.pending) > 0
}
