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

// trust is whose entries are believed.
type trust struct {
	// senders are they; none for all.
	senders []Sender
	// engine is the process that has sent the newest entry of which the program's name
	// is known.
	engine uint64
	// warned is set once entries of other programs were logged.
	warned bool
}

// has reports whether a sender is one whose entries are believed. The name of a
// program that was killed may be missing of the last it has sent: that is believed if
// it comes from the process that has sent what came before.
func (t *trust) has(s sender) bool {
	if len(t.senders) == 0 {
		return true
	}
	for _, one := range t.senders {
		switch {
		case !s.known || s.uid != uint64(one.UID):
		case one.Program == "":
			return true
		case s.program == 0 && s.process != 0 && s.process == t.engine:
			return true
		case s.program == xxhash.Sum64String(one.Program):
			t.engine = s.process
			return true
		}
	}
	return false
}

// excludes reports whether a user is none whose entries are believed, whatever the
// other fields say.
func (t *trust) excludes(s sender) bool {
	return len(t.senders) > 0 && !slices.ContainsFunc(t.senders, func(one Sender) bool { return s.uid == uint64(one.UID) })
}
