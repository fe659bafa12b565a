package jsonfile

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Eight bytes at a time: a byte of the result has its high bit set where the
// byte of the word equals the pattern's, and no lower one has by mistake.
const (
	lows       = 0x0101010101010101
	highs      = 0x8080808080808080
	quotes     = lows * '"'
	backslashs = lows * '\\'
)

func equalBytes(word, pattern uint64) uint64 {
	word ^= pattern
	return (word - lows) &^ word & highs
}

// nextSpecial returns the index of the next quote or backslash from i on, or
// len(s).
func nextSpecial(s []byte, i int) int {
	for ; i+8 <= len(s); i += 8 {
		word := binary.LittleEndian.Uint64(s[i:])
		if found := equalBytes(word, quotes) | equalBytes(word, backslashs); found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	for i < len(s) && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// nextBackslash returns the index of the next backslash from i on, or len(s).
func nextBackslash(s []byte, i int) int {
	for ; i+8 <= len(s); i += 8 {
		if found := equalBytes(binary.LittleEndian.Uint64(s[i:]), backslashs); found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	for i < len(s) && s[i] != '\\' {
		i++
	}
	return i
}

// scanString finds the quote that ends a JSON string and the first backslash in
// it, len(s) when there is none before the end. ok is false when the string
// does not end, or holds an escape that JSON does not have.
//
// Escapes are dense in the logs of programs that log JSON, where a call for
// each would cost more than it finds: words are looked at instead. Plain text
// is found by the vector instructions behind IndexByte.
func scanString(s []byte) (end, first int, ok bool) {
	first = bytes.IndexByte(s, '\\')
	if first < 0 {
		end = bytes.IndexByte(s, '"')
		return end, len(s), end >= 0
	}
	if end = bytes.IndexByte(s[:first], '"'); end >= 0 {
		return end, len(s), true
	}
	for end = first; end < len(s) && s[end] == '\\'; end = nextSpecial(s, end) {
		n := escapeLen(s[end:])
		if n == 0 {
			return 0, 0, false
		}
		end += n
	}
	return end, first, end < len(s)
}

// escapeLen returns the length of the escape that s begins with, or 0.
func escapeLen(s []byte) int {
	switch {
	case len(s) < 2:
		return 0
	case plain[s[1]] != 0:
		return 2
	case s[1] == 'u' && hex4(s[2:]) >= 0:
		return 6
	}
	return 0
}
