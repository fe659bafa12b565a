package logs

// Account says what has become of the lines of a container that were read since the start:
//
//	Read = Sent + Joined + all Dropped + Rejected + Pending
//
// It holds at any time. A line counts as read when its entry is whole, and not if it is left
// out by its time. Lines that are read again after a crash count again, as read and as sent;
// Loki stores them once.
type Account struct {
	Read int64
	// Sent are the entries that the sink has taken.
	Sent int64
	// Joined are lines that became part of the entry of another one.
	Joined int64
	// Dropped are the entries that stages have dropped, by rule; nil for none.
	Dropped map[string]int64
	// Rejected are the entries that the sink has refused for good.
	Rejected int64
	// Pending are those for which it has not answered.
	Pending int64
}

// DroppedLines is the number of entries that stages have dropped.
func (a *Account) DroppedLines() (n int64) {
	for _, entries := range a.Dropped {
		n += entries
	}
	return n
}
