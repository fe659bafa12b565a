package tail

// Bytes returns as much of the buffer's memory as it reads at a time, or more where that is
// asked for. It is the caller's until the next call.
func (b *Buffer) Bytes(least int) []byte {
	b.fit(least)
	return b.b[:max(least, b.size)]
}
