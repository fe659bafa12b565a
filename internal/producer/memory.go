package producer

import "encoding/binary"

// What stages remember belongs to those that were in force from one time on. A position has
// it for each of them: a version, and then their time, and what they remember after its
// length.
const memoryVersion = 2

// remembered is what the stages remember that are in force from a time on.
type remembered struct {
	from  int64
	state []byte
}

// remember adds what the stages of a time remember to what others do; nil for nothing.
func remember(b []byte, from int64, state []byte) []byte {
	if len(state) == 0 {
		return b
	}
	if b == nil {
		b = []byte{memoryVersion}
	}
	b = binary.AppendVarint(b, from)
	b = binary.AppendUvarint(b, uint64(len(state)))
	return append(b, state...)
}

// memories takes apart what remember has made, as far as it is sound.
func memories(b []byte) (all []remembered) {
	if len(b) == 0 || b[0] != memoryVersion {
		return nil
	}
	for b = b[1:]; len(b) > 0; {
		from, n := binary.Varint(b)
		if n <= 0 {
			break
		}
		b = b[n:]
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) { //nolint:gosec // not negative
			break
		}
		end := n + int(size) //nolint:gosec // not more than there is
		all = append(all, remembered{from, b[n:end]})
		b = b[end:]
	}
	return all
}
