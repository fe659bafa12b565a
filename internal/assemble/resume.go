package assemble

import "github.com/lighterman/lighterman/internal/logs"

// Disorder is how much older a record may be than one before it, in nanoseconds, and so
// how far before the newest entry a resume by time begins. The engine stamps both
// streams independently before it writes them in turn, so a record may follow one with
// a later timestamp; and where the clock was set back by less than this, what was
// written since comes all the same.
const Disorder = 3e9

// Since returns the time in Unix nanoseconds from which on a log must be read to
// resume at p by time; 0 for all of it.
func Since(p logs.Position) int64 {
	last := p.Last
	if last == 0 {
		last = max(p.Newest[logs.Stdout].Time, p.Newest[logs.Stderr].Time)
	}
	if last == 0 && p.Pending == 0 {
		return p.Since
	}
	wanted := p.Since
	if p.Seen.Past {
		wanted = 0 // what comes now was written since, whatever its time
	}
	since := last - Disorder
	if p.Pending != 0 {
		since = min(since, p.Pending)
	}
	return max(since, wanted, 1)
}

// Replayed tells of which streams entries come again when a log is read from Since
// on. A high-water mark far beyond the entry handed over last is from before the clock was set
// back: what comes now is new although it seems to be older.
func Replayed(from logs.Position) (of [logs.Streams]bool) {
	for s := range of {
		of[s] = from.Last == 0 || from.Newest[s].Time <= from.Last+Disorder
	}
	return of
}
