package tail

import "github.com/lighterman/lighterman/internal/logs"

// Docker does not sync what it writes, so when the host's power fails, the end of a
// log that was read, and handed over, may be gone from its file; and the engine writes on
// where the file ends now.

// lostWithPower is how much older than the newest entry handed over the newest record of
// a file may be that has lost its end, in nanoseconds. What is older yet may have been
// written since, by a host whose clock is behind.
const lostWithPower = 5 * 60 * 1e9

// resumeAt begins a file that was recognised where it was left, and returns of which
// streams entries that were handed over may come again and are to be left out; again is set
// that all come again.
func (g *generation) resumeAt(from logs.Position) (behind [logs.Streams]bool, again bool) {
	g.offset, g.skip = from.File.Start(), from.File.Offsets
	g.guard.rested = !g.compressed // it may be truncated before it is read
	size, ok := g.length()
	switch {
	case !ok, size >= g.offset && !g.rewritten(from):
		g.guard.find(&g.fileContent, &g.cursor)
		return from.File.Behind, false
	case size < g.offset && !g.recent(size, from):
		again = true // Loki has what it has
	default:
		// Where the old ends and the new begins only the times decide.
		behind = [logs.Streams]bool{true, true}
	}
	g.offset, g.skip = 0, [logs.Streams]int64{}
	return behind, again
}

// recent reports whether the last record of a file that has lost its end is about as new
// as what was handed over, or newer.
func (g *generation) recent(size int64, from logs.Position) bool {
	info, err := g.file.Stat()
	if err != nil {
		return false
	}
	if info.ModTime().UnixNano() <= from.Last {
		return true // nothing was written to it since
	}
	end, err := g.format.end(g.data, size)
	if err != nil {
		return false
	}
	start, ok := g.format.last(g.data, end)
	if !ok {
		return false
	}
	r, ok := g.record(start, end)
	return ok && r.Time >= from.Last-lostWithPower
}

// rewritten reports whether what lies before the place where a file was left is not what was
// read: no record ends there, or one that is newer than all that was handed over.
func (g *generation) rewritten(from logs.Position) bool {
	if from.Last == 0 {
		return false // nothing was handed over: reading begins there because that was asked for
	}
	for _, end := range from.File.Offsets {
		if end == 0 {
			continue
		}
		start, ok := g.format.last(g.data, end)
		if !ok {
			return true
		}
		// What was no record was passed over when it was read, and what is older than since;
		// and of the stream that is behind, lines were read that were not handed over.
		r, ok := g.record(start, end)
		if ok && from.File.Offsets[r.Stream] >= end && r.Time > max(from.Newest[r.Stream].Time, from.Since) {
			return true
		}
	}
	return false
}
