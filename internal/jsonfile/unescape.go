package jsonfile

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape undoes JSON's escapes in place: every escape is longer than what it
// stands for. It checks all of s before it writes, so that s is unchanged when
// ok is false.
func unescape(s []byte) (text []byte, ok bool) {
	first := bytes.IndexByte(s, '\\')
	if first < 0 {
		return s, true
	}
	if first == len(s)-2 && s[first+1] == 'n' {
		// The line feed that ends nearly every line, and nothing else.
		s[first] = '\n'
		return s[:first+1], true
	}
	if !valid(s[first:]) {
		return nil, false
	}
	write, read := first, first
	for {
		read += decodeEscape(s, &write, read)
		next := bytes.IndexByte(s[read:], '\\')
		if next < 0 {
			write += copy(s[write:], s[read:])
			return s[:write], true
		}
		write += copy(s[write:], s[read:read+next])
		read += next
	}
}

// valid tells whether every backslash in s begins a complete escape.
func valid(s []byte) bool {
	for {
		at := bytes.IndexByte(s, '\\')
		if at < 0 {
			return true
		}
		s = s[at+1:]
		if len(s) == 0 {
			return false
		}
		if s[0] == 'u' {
			if len(s) < 5 || hex4(s[1:]) < 0 {
				return false
			}
			s = s[5:]
			continue
		}
		if plain[s[0]] == 0 {
			return false
		}
		s = s[1:]
	}
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
