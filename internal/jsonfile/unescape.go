package jsonfile

import (
	"unicode/utf16"
	"unicode/utf8"
)

// plain maps the letter after a backslash to the byte it stands for.
var plain = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// decodeEscape writes what the escape that src begins with stands for to dst, and
// returns the escape's length, 0 when it is none that JSON has, and the bytes
// written. As in encoding/json, half of a surrogate pair becomes U+FFFD.
func decodeEscape(dst, src []byte) (n, size int) {
	if len(src) < 2 {
		return 0, 0
	}
	if c := plain[src[1]]; c != 0 {
		dst[0] = c
		return 2, 1
	}
	if src[1] != 'u' {
		return 0, 0
	}
	r, n := hex4(src[2:]), 6
	switch {
	case r < 0:
		return 0, 0
	case r < utf8.RuneSelf:
		dst[0] = byte(r)
		return n, 1
	case utf16.IsSurrogate(r):
		low := rune(-1)
		if rest := src[6:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			low = hex4(rest[2:])
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			n = 12
		}
	}
	return n, utf8.EncodeRune(dst, r)
}

// hexDigits maps a digit to its value, and everything else to something with
// bits beyond four.
var hexDigits = func() (table [256]uint16) {
	for i := range table {
		table[i] = 0xffff
	}
	for i, c := range "0123456789abcdef" {
		table[c] = uint16(i)
	}
	for i, c := range "ABCDEF" {
		table[c] = uint16(10 + i)
	}
	return table
}()

// hex4 returns the value of the four hexadecimal digits at the start of s, or -1.
func hex4(s []byte) rune {
	if len(s) < 4 {
		return -1
	}
	a, b, c, d := hexDigits[s[0]], hexDigits[s[1]], hexDigits[s[2]], hexDigits[s[3]]
	if (a|b|c|d)>>4 != 0 {
		return -1
	}
	return rune(a)<<12 | rune(b)<<8 | rune(c)<<4 | rune(d)
}
