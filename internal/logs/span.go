package logs

import (
	"cmp"
	"strings"
)

// Span is a stretch of a file of the host that was read at once. A plain line has no time
// of its own: the n-th line of a span, from 0, has the time Time + n. A span is written down
// before its lines are sent, so that what is sent again has the time of the first time.
type Span struct {
	// Number rises from span to span of a file.
	Number uint64 `json:"number"`
	// Epoch counts how often the file had been truncated then.
	Epoch uint64 `json:"epoch,omitempty"`
	// From and To are its first byte and the one behind its last.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Time is in Unix nanoseconds.
	Time int64 `json:"time"`
	// Hash is that of its bytes: a file may have been written over.
	Hash uint64 `json:"hash"`
	// Ended tells that its last line is over, although no line feed ends it.
	Ended bool `json:"ends,omitempty"`
	// Head and Steps are, for the first of an epoch, those of a position behind it.
	Head  uint64 `json:"head,omitempty"`
	Steps string `json:"steps,omitempty"`
}

// PlainPosition is what a position has for a file of plain lines, besides FilePosition. The
// fingerprint there is that of the first Head bytes.
type PlainPosition struct {
	// Head is how many bytes the fingerprint is of. Steps are hashes of less of that, by which
	// a copy is known that was made when there was less.
	Head  int64  `json:"head,omitempty"`
	Steps string `json:"steps,omitempty"`
	// Tail is the hash of what lies before the offset; 0 where that is not known.
	Tail uint64 `json:"tail,omitempty"`
	// Span is the number of the first span that is needed to go on from here.
	Span uint64 `json:"span,omitempty"`
	// Epoch counts how often the file was truncated.
	Epoch uint64 `json:"epoch,omitempty"`
}

// Behind reports whether a position of a file of the host comes before another one, whose spans
// may be gone. Who reads a file again, as it has another name now, may be acknowledged after
// who read it before.
func (p *Position) Behind(other *Position) bool {
	a, b := &p.Plain, &other.Plain
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Span, b.Span), cmp.Compare(p.File.Offsets[0], other.File.Offsets[0])) < 0 && *b != PlainPosition{}
}

// HostFileDriver stands for the log driver of a file of the host.
const HostFileDriver = "host file"

// HostJournalID begins the ID of a section of the host's journal, and HostJournalDriver stands
// for its log driver.
const (
	HostJournalID     = "journal:"
	HostJournalDriver = "journal"
)

// IsHostJournal reports whether an ID is that of the host's journal, and not of a container.
func IsHostJournal(id string) bool { return strings.HasPrefix(id, HostJournalID) }

// IsHosts reports whether an ID is that of something of the host's own, and not of a container.
func IsHosts(id string) bool { return IsHostFile(id) || IsHostJournal(id) }

// IsHostFile reports whether an ID is that of a file of the host, and not of a container.
func IsHostFile(id string) bool { return strings.HasPrefix(id, "/") }
