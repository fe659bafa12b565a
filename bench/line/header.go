package line

import "strconv"

// Header is what a line says of itself.
type Header struct {
	// Written is when the line was made, in Unix nanoseconds.
	Written int64
	// Container is the number of its container, Number its own from 0 on.
	Container, Number int
}

// The header has fixed columns: "t=1764000000123456789 c=00042 n=0000001234 ".
const (
	timeAt, timeLen           = 2, 19
	containerAt, containerLen = timeAt + timeLen + 3, 5
	numberAt, numberLen       = containerAt + containerLen + 3, 10
	// HeaderSize is the length of the header in bytes.
	HeaderSize = numberAt + numberLen + 1
)

// AppendHeader appends the header and the space after it.
func AppendHeader(dst []byte, h Header) []byte {
	dst = append(dst, "t="...)
	dst = appendDigits(dst, h.Written, timeLen)
	dst = append(dst, " c="...)
	dst = appendDigits(dst, int64(h.Container), containerLen)
	dst = append(dst, " n="...)
	dst = appendDigits(dst, int64(h.Number), numberLen)
	return append(dst, ' ')
}

// appendDigits appends n in decimal, filled with zeros.
func appendDigits(dst []byte, n int64, width int) []byte {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	for range width - len(text) {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}

// Parse reads the header of a line, plain or of JSON; ok is false when it has none.
func Parse(text []byte) (h Header, ok bool) {
	if len(text) > len(jsonHead) && string(text[:len(jsonHead)]) == jsonHead {
		text = text[len(jsonHead):]
	}
	if len(text) < HeaderSize || text[0] != 't' || text[1] != '=' ||
		string(text[timeAt+timeLen:containerAt]) != " c=" ||
		string(text[containerAt+containerLen:numberAt]) != " n=" || text[HeaderSize-1] != ' ' {
		return Header{}, false
	}
	written, ok1 := digits(text[timeAt : timeAt+timeLen])
	container, ok2 := digits(text[containerAt : containerAt+containerLen])
	number, ok3 := digits(text[numberAt : numberAt+numberLen])
	return Header{Written: written, Container: int(container), Number: int(number)}, ok1 && ok2 && ok3
}

func digits(text []byte) (n int64, ok bool) {
	for _, c := range text {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}
