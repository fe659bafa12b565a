package budget

import (
	"math"
	"syscall"

	"github.com/lighterman/lighterman/internal/tail"
)

// What is kept of the limit of open files for everything but logs: Loki's and the listener's
// connections, positions, the engine, and looks at files. A quarter of that is for the many
// files that a log may have, and one for what rotation makes of logs that are open.
const (
	keptFiles = 128
	// keptShare is the most that is kept, as a share.
	keptShare = 2
	// listenerShare is what of that the listener's connections may have, or listenerOfAll of
	// a large limit.
	listenerShare = 8
	listenerOfAll = 64
)

// Files is what a limit of open files is divided into.
type Files struct {
	// Logs is how many logs may be open at a time, 0 for any number, and room where their
	// descriptors end.
	Logs int
	Room tail.Room
	// Connections is how many the listener may have.
	Connections int
}

// Descriptors divides the limit of open files. The soft limit is raised to the hard one,
// which the runtime does, too, where it may.
func Descriptors() Files {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return share(math.MaxUint64)
	}
	if raised := (syscall.Rlimit{Cur: limit.Max, Max: limit.Max}); limit.Cur < limit.Max && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
		limit = raised
	}
	return share(limit.Cur)
}

func share(limit uint64) Files {
	if limit > math.MaxInt32 {
		return Files{Connections: math.MaxInt}
	}
	all := int(limit)
	kept := min(keptFiles, all/keptShare)
	return Files{
		Logs: max(all-kept, 1), Connections: max(kept/listenerShare, all/listenerOfAll),
		Room: tail.Room{Opened: all - kept*3/4, Rotated: all - kept/2},
	}
}
