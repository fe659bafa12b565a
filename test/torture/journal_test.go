package torture

import "github.com/lighterman/lighterman/test/journald"

// readJournal adds what journald has of a container: the engine has no other place
// for it.
func readJournal(l *ledger) {
	entries, err := journald.Entries(l.id)
	if err != nil {
		return
	}
	times := map[string]int64{} // of the first part of each line
	for _, e := range entries {
		l.add(journalRecord(e, times), -1)
	}
}

// journalRecord makes a record of an entry. The parts of a line have times of
// their own; the line has that of its first.
func journalRecord(e journald.Entry, times map[string]int64) record {
	// A short part ends a run's output: no other follows.
	r := record{time: e.Time, stream: e.Stream, text: []byte(e.Text), part: e.Part, more: e.More && len(e.Text) >= 16<<10}
	if r.part != "" {
		if _, known := times[r.part]; !known {
			times[r.part] = r.time
		}
		r.time = times[r.part]
	}
	return r
}
