package collect

import (
	"slices"
	"time"
)

// phase is what runs of a unit.
type phase uint8

const (
	// idle: nothing runs.
	idle phase = iota
	// parked: nothing runs, for want of descriptors; it gets its turn.
	parked
	// reading: a source runs.
	reading
	// stopping: the source was asked to end, as another is to run, or none.
	stopping
	// yielding: the source was asked to end, so that others get its descriptors.
	yielding
	// left: it is not in the running set any more.
	left
)

// phases says which phase may follow which. A source that was asked to end is waited for;
// only its end leads on.
var phases = map[phase][]phase{
	idle:     {reading, parked, left},
	parked:   {idle},
	reading:  {stopping, yielding, idle},
	stopping: {idle},
	yielding: {idle},
	left:     nil,
}

func (p phase) leadsTo(next phase) bool { return slices.Contains(phases[p], next) }

// String is for the log.
func (p phase) String() string {
	return [...]string{"idle", "parked", "reading", "stopping", "yielding", "left"}[p]
}

// presence is what has become of a container.
type presence uint8

const (
	// present: the engine has it.
	present presence = iota
	// removed: the engine does not have it any more. What runs ends at the end of its log.
	removed
	// leftover: it was removed before its log was read to its end, and what is left of
	// that, held or in the journal, is to be read.
	leftover
	// drained: its log was read to its end after it was removed.
	drained
)

// presences says what may follow what. The engine may take back that it has no such
// container, but what is left over is read to its end first.
var presences = map[presence][]presence{
	present:  {removed, leftover},
	removed:  {present, leftover, drained},
	leftover: {drained},
	drained:  {present},
}

func (p presence) leadsTo(next presence) bool { return slices.Contains(presences[p], next) }

// String is for the log.
func (p presence) String() string {
	return [...]string{"present", "removed", "leftover", "drained"}[p]
}

// fate is what is known of a unit's container, as far as it decides what runs.
type fate struct {
	presence presence
	// removedAt is since when the container is not present; zero while it is.
	removedAt time.Time
	// wanted: it is in the desired set. One that is present and is not wanted is excluded.
	wanted bool
	// refused: the engine says that it cannot read this log.
	refused bool
	// early: one that was not looked at yet had the same labels, and may go first.
	early bool
}

// gone reports whether the engine does not have the container any more.
func (f fate) gone() bool { return f.presence != present }
