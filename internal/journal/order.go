package journal

import (
	"cmp"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// place is an entry and the numbering of its file.
type place struct {
	journalfile.Entry
	seqnums logs.ID128
}

func (p place) position() logs.JournalPosition {
	return logs.JournalPosition{
		SeqnumID: p.seqnums, Seqnum: p.Seqnum, Boot: p.Boot, Monotonic: p.Monotonic, Realtime: p.Realtime, Hash: p.Hash,
	}
}

// order compares an entry with one of another file, by what can be relied on first:
// the monotonic clock within a boot, as an entry keeps that when journald copies it
// from /run to /var under another number; then the number; then that no entry of
// an earlier boot is newer than one of the running system. The clock of the wall,
// which may have been set, comes last. It is 0 for the same entry.
func order(a, b logs.JournalPosition, running logs.ID128) int {
	numbers := a.SeqnumID == b.SeqnumID
	switch {
	case a.Boot == b.Boot && a.Monotonic != b.Monotonic:
		return cmp.Compare(a.Monotonic, b.Monotonic)
	case a.Boot == b.Boot && a.Hash == b.Hash && a.Realtime == b.Realtime:
		return 0
	case numbers && a.Seqnum != b.Seqnum:
		return cmp.Compare(a.Seqnum, b.Seqnum)
	case a.Boot != b.Boot && a.Boot == running:
		return 1
	case a.Boot != b.Boot && b.Boot == running:
		return -1
	}
	return cmp.Or(cmp.Compare(a.Realtime, b.Realtime), cmp.Compare(a.Hash, b.Hash))
}
