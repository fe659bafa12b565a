package floor

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	lows       = 0x0101010101010101
	highs      = 0x8080808080808080
	quotes     = lows * '"'
	backslashs = lows * '\\'
)

// special has a byte's high bit set where the word has a quote or a backslash;
// above the lowest one it may be wrong.
func special(word uint64) uint64 {
	q, b := word^quotes, word^backslashs
	return ((q-lows)&^q | (b-lows)&^b) & highs
}

// plain maps the letter after a backslash to the byte it stands for.
var plain = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape copies a JSON string that ends within src to dst, a word at a time, and
// undoes its escapes on the way, in one pass. It returns the bytes written, without
// the line feed at the end, and the bytes used, with the quote. ok is false when
// src ends first. dst has room for a word more than src.
func unescape(dst, src []byte) (written, used int, ok bool) {
	r, w := 0, 0
	for r+8 <= len(src) {
		word := binary.LittleEndian.Uint64(src[r:])
		binary.LittleEndian.PutUint64(dst[w:], word)
		found := special(word)
		if found == 0 {
			r, w = r+8, w+8
			continue
		}
		n := bits.TrailingZeros64(found) >> 3
		r, w = r+n, w+n
		if src[r] == '"' {
			if w > 0 && dst[w-1] == '\n' {
				w--
			}
			return w, r + 1, true
		}
		if r+6 > len(src) {
			return 0, 0, false
		}
		if c := src[r+1]; c != 'u' {
			dst[w] = plain[c]
			r, w = r+2, w+1
			continue
		}
		w += utf8.EncodeRune(dst[w:], hex(src[r+2])<<12|hex(src[r+3])<<8|hex(src[r+4])<<4|hex(src[r+5]))
		r += 6
	}
	return 0, 0, false
}

// hex is the value of a lower-case digit.
func hex(c byte) rune { return rune(c&15 + c>>6*9) }
