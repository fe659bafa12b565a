package jsonfile

import (
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

// word is what is read and written at a time, in bytes.
const word = 8

// unescape copies a JSON string to dst, undoing its escapes on the way, up to the
// quote that ends it within src. It returns the bytes written, where the quote is, and
// a word with a high bit if what was written may hold a byte that has one. ok is false
// when there is no quote, or an escape that JSON does not have. dst must have room for
// a word more than src.
//
// Escapes are dense in the logs of programs that log JSON, where looking for the
// end first, and calling something for each piece in between, would cost more than
// the copying.
func unescape(dst, src []byte) (written, end int, high uint64, ok bool) {
	r, w := 0, 0
	for r < len(src) {
		if r+word <= len(src) {
			// What is behind the quote or backslash is overwritten later.
			eight := binary.LittleEndian.Uint64(src[r:])
			binary.LittleEndian.PutUint64(dst[w:], eight)
			found := equalBytes(eight, quotes) | equalBytes(eight, backslashs)
			if found == 0 {
				high |= eight
				r, w = r+word, w+word
				continue
			}
			n := bits.TrailingZeros64(found) >> 3
			high |= eight & (found&-found - 1) // the bytes before it
			r, w = r+n, w+n
		}
		switch c := src[r]; {
		case c == '"':
			return w, r, high & highs, true
		case c != '\\':
			dst[w] = c
			high |= uint64(c)
			r, w = r+1, w+1
		case r+1 < len(src) && plain[src[r+1]] != 0:
			dst[w] = plain[src[r+1]]
			r, w = r+2, w+1
		default:
			n, size := decodeEscape(dst[w:], src[r:])
			if n == 0 {
				return 0, 0, 0, false
			}
			high |= uint64(dst[w])
			r, w = r+n, w+size
		}
	}
	return 0, 0, 0, false
}
