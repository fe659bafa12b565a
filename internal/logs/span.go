package logs

import "strings"

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
	// Ends tells that its last line is over, although no line feed ends it.
	Ends bool `json:"ends,omitempty"`
}

// PlainPosition is what a position has for a file of plain lines, besides FilePosition. The
// fingerprint there is that of the first Head bytes.
type PlainPosition struct {
	// Head is how many bytes the fingerprint is of.
	Head int64 `json:"head,omitempty"`
	// Tail is the hash of what lies before the offset; 0 where that is not known.
	Tail uint64 `json:"tail,omitempty"`
	// Span is the number of the first span that is needed to go on from here.
	Span uint64 `json:"span,omitempty"`
	// Epoch counts how often the file was truncated.
	Epoch uint64 `json:"epoch,omitempty"`
}

// HostFileDriver stands for the log driver of a file of the host.
const HostFileDriver = "host file"

// IsHostFile reports whether an ID is that of a file of the host, and not of a container.
func IsHostFile(id string) bool { return strings.HasPrefix(id, "/") }
