package jsonfile

import (
	"unicode/utf16"
	"unicode/utf8"
)

// unescape undoes JSON's escapes in place, given that all of them are valid and
// where the first one is: every escape is longer than what it stands for.
func unescape(s []byte, first int) []byte {
	if first >= len(s) {
		return s
	}
	write, read := first, first
	for {
		read += decodeEscape(s, &write, read)
		next := nextBackslash(s, read)
		write = move(s, write, read, next)
		if read = next; read >= len(s) {
			return s[:write]
		}
	}
}

// move copies s[from:to] down to s[write:] and returns where the copy ends.
func move(s []byte, write, from, to int) int {
	if to-from > 16 {
		return write + copy(s[write:], s[from:to])
	}
	for _, c := range s[from:to] {
		s[write] = c
		write++
	}
	return write
}

// plain maps the letter after a backslash to the byte it stands for.
var plain = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// decodeEscape writes what the valid escape at s[read] stands for at s[*write]
// and returns the escape's length. As in encoding/json, half of a surrogate
// pair becomes U+FFFD.
func decodeEscape(s []byte, write *int, read int) int {
	if s[read+1] != 'u' {
		s[*write] = plain[s[read+1]]
		*write++
		return 2
	}
	r, n := hex4(s[read+2:]), 6
	if r < utf8.RuneSelf {
		s[*write] = byte(r) //nolint:gosec // below utf8.RuneSelf
		*write++
		return n
	}
	if utf16.IsSurrogate(r) {
		low := rune(-1)
		if rest := s[read+6:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			low = hex4(rest[2:])
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			n = 12
		}
	}
	*write += utf8.EncodeRune(s[*write:], r)
	return n
}

// hex4 returns the value of the four hexadecimal digits at the start of s, or -1.
func hex4(s []byte) rune {
	if len(s) < 4 {
		return -1
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
