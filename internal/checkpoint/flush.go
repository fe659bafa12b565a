package checkpoint

import (
	"slices"
	"time"
)

// maxOwed is how many marks are kept for a log that cannot be written: that of
// the positions on disk, and that of the save under way.
const maxOwed = 2

// Flush writes what was changed since the last Flush to the log of positions, in
// one write and without waiting for the disk: it then survives a kill, though not
// a power cut. It is to be called when the commits of a push have been made. What
// cannot be written is kept for the next time, and shows in Stats.
func (s *Store) Flush() {
	l := &s.logFile
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.retryAt.IsZero() && time.Now().Before(l.retryAt) {
		return
	}
	part, rotate := s.unwritten(l)
	if part.empty() {
		return
	}
	err := l.write(part.data, rotate)
	if err == nil {
		l.newest = part.newest
	}
	s.flushed(part, err, l.size > longLog)
}

// unwritten is what one Flush writes, and what it was made of.
type unwritten struct {
	data   []byte
	ids    []string
	owed   []uint64
	newest uint64
}

func (u *unwritten) empty() bool { return len(u.ids) == 0 }

// unwritten encodes the changes that are not in the log, with the marks before
// them, and tells whether they begin a new file beside the present one.
func (s *Store) unwritten(l *logFile) (u unwritten, rotate bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unlogged) == 0 {
		return u, false
	}
	// Only when the mark of the positions on disk is in the present file, or comes
	// into the new one, the file before is not needed any more.
	rotate = l.file != nil && len(s.owed) > 0 && (l.newest == s.base || slices.Contains(s.owed, s.base))
	u.data, u.newest = l.prepare(l.begins(rotate)), l.newest
	if l.file == nil {
		u.data, u.newest = appendMark(u.data, s.base), s.base
	}
	for _, mark := range s.owed {
		u.data, u.newest = appendMark(u.data, mark), mark
	}
	for _, id := range s.unlogged {
		u.data = s.appendUnlogged(u.data, id)
	}
	u.ids, u.owed = s.unlogged, s.owed
	s.unlogged, s.owed = s.spare[:0], nil
	s.spare = nil
	return u, rotate
}

func (s *Store) appendUnlogged(b []byte, id string) []byte {
	r, ok := s.records[id]
	switch {
	case !ok:
		return appendForget(b, id)
	case !r.unlogged:
		return b // it was forgotten and came back: it is in already
	}
	b = r.appendChange(b, id)
	r.unlogged = false
	return b
}

// flushed books the result of a Flush. What was not written is unwritten again;
// of a record all is then written, as it may be its labels that were not. A save makes
// a long log short, and cures one that cannot be written or says that it is cured.
func (s *Store) flushed(u unwritten, err error, long bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || long || s.stats.LogError != "" {
		s.changedSoon()
	}
	if err == nil {
		s.stats.LogError = ""
		for _, id := range u.ids {
			if r, ok := s.records[id]; ok && !r.unlogged {
				r.relabelled = false
			}
		}
		s.spare = u.ids
		return
	}
	s.stats.LogError = err.Error()
	s.owe(append(u.owed, s.owed...)...)
	for _, id := range u.ids {
		s.note(id)
	}
}

// owe notes the marks that the log has to have before further changes.
func (s *Store) owe(marks ...uint64) {
	s.owed = marks[max(0, len(marks)-maxOwed):]
}

// note notes that a record has changed, or is gone.
func (s *Store) note(id string) {
	r, ok := s.records[id]
	if ok && r.unlogged {
		return
	}
	if len(s.unlogged) > len(s.records)+maxForgotten {
		s.dropGone()
	}
	s.unlogged = append(s.unlogged, id)
	if ok {
		r.unlogged = true
	}
}

// dropGone bounds the memory for containers that come and go while the log
// cannot be written. That they were forgotten is then only in the next save.
func (s *Store) dropGone() {
	slices.Sort(s.unlogged)
	s.unlogged = slices.DeleteFunc(slices.Compact(s.unlogged), func(id string) bool { return s.records[id] == nil })
}
