package jsonfile

import (
	"encoding/binary"
	"math/bits"
)

// Eight bytes are looked at at a time.
const (
	lows       = 0x0101010101010101
	highs      = 0x8080808080808080
	quotes     = lows * '"'
	backslashs = lows * '\\'
	spaces     = lows * ' '
)

// special has a byte's high bit set where the word has a quote, a backslash or a control
// byte, and above the lowest of them perhaps elsewhere.
func special(word uint64) uint64 {
	q, b := word^quotes, word^backslashs
	return ((q-lows)&^q | (b-lows)&^b | (word-spaces)&^word) & highs
}

const (
	// word is what unescape reads and writes at a time, in bytes.
	word = 8
	// vector is what unquoteVector does.
	vector = 64
)

// unescape copies a JSON string to dst, undoing its escapes on the way, up to the
// quote that ends it within src. It returns the bytes written, where the quote is, and
// a word with a high bit if what was written may hold a byte that has one. ok is false
// when there is no quote, or before it a control byte or an escape that JSON does not have. dst must have room for
// a word more than src.
//
// Escapes are dense in the logs of programs that log JSON, where looking for the
// end first, and calling something for each piece in between, would cost more than
// the copying.
func unescape(dst, src []byte) (written, end int, high uint64, ok bool) {
	r, w := 0, 0
	for r+2*word <= len(src) {
		// What is behind the quote or backslash is overwritten later.
		eight := binary.LittleEndian.Uint64(src[r:])
		binary.LittleEndian.PutUint64(dst[w:], eight)
		found := special(eight)
		if found == 0 {
			high |= eight
			r, w = r+word, w+word
			continue
		}
		n := bits.TrailingZeros64(found) >> 3
		high |= eight & (found&-found - 1) // the bytes before it
		r, w = r+n, w+n
		if c := plain[src[r+1]]; c != 0 && src[r] == '\\' {
			dst[w] = c
			r, w = r+2, w+1
			continue
		}
		if src[r] == '"' {
			return w, r, high & highs, true
		}
		if src[r] != '\\' {
			return 0, 0, 0, false
		}
		n, size := decodeEscape(dst[w:], src[r:])
		if n == 0 {
			return 0, 0, 0, false
		}
		high |= uint64(dst[w])
		r, w = r+n, w+size
	}
	return unescapeEnd(dst, src, r, w, high)
}

// unescapeEnd is unescape for the last bytes of src.
func unescapeEnd(dst, src []byte, r, w int, high uint64) (written, end int, _ uint64, ok bool) {
	for r < len(src) {
		switch c := src[r]; c {
		case '"':
			return w, r, high & highs, true
		case '\\':
			n, size := decodeEscape(dst[w:], src[r:])
			if n == 0 {
				return 0, 0, 0, false
			}
			high |= uint64(dst[w])
			r, w = r+n, w+size
		default:
			if c < ' ' {
				return 0, 0, 0, false
			}
			dst[w] = c
			high |= uint64(c)
			r, w = r+1, w+1
		}
	}
	return 0, 0, 0, false
}
