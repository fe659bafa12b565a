package journal

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Sender is a program that sends the lines of containers to journald. What an entry
// says of its container anybody may write who may log; who has sent it journald says
// itself, in the fields _UID and _COMM.
type Sender struct {
	UID uint32
	// Program is the name that the kernel has for it; empty for any of that user.
	Program string
}

// sender is who has sent an entry.
type sender struct {
	uid   uint64
	known bool // uid is
	// program is the hash of its name; 0 where journald could not find it out, as the
	// process was over by then.
	program uint64
	// process is its number; 0 where it is not known.
	process uint64
}

// trusts reports whether a sender is one whose entries are believed. The name of a
// program that was killed may be missing of the last it has sent: that is believed if
// it comes from the process that has sent what came before.
func (l *Log) trusts(s sender) bool {
	all := l.journal.config.Senders
	if len(all) == 0 {
		return true
	}
	for _, t := range all {
		switch {
		case !s.known || s.uid != uint64(t.UID):
		case t.Program == "":
			return true
		case s.program == 0 && s.process != 0 && s.process == l.engine:
			return true
		case s.program == xxhash.Sum64String(t.Program):
			l.engine = s.process
			return true
		}
	}
	return false
}

// suspects reports whether a user is none whose entries are believed, whatever the
// other fields say.
func (l *Log) suspects(s sender) bool {
	all := l.journal.config.Senders
	return len(all) > 0 && !slices.ContainsFunc(all, func(t Sender) bool { return s.uid == uint64(t.UID) })
}
