package jsonfile

import "bytes"

// twoPasses finds the end of a string first and undoes its escapes then, as the
// decoder did before it did both in one: slower, simple, and what it is held
// against. It works in place.
func twoPasses(s []byte) (text []byte, end int, ok bool) {
	for end < len(s) && s[end] != '"' {
		n := 1
		if s[end] < ' ' {
			return nil, 0, false
		}
		if s[end] == '\\' {
			if n = escapeLen(s[end:]); n == 0 {
				return nil, 0, false
			}
		}
		end += n
	}
	if end >= len(s) {
		return nil, 0, false
	}
	body := s[:end]
	first := bytes.IndexByte(body, '\\')
	if first < 0 {
		return body, end, true
	}
	write, read := first, first
	for read < len(body) {
		if body[read] == '\\' {
			n, size := decodeEscape(body[write:], body[read:])
			write, read = write+size, read+n
			continue
		}
		body[write] = body[read]
		write, read = write+1, read+1
	}
	return body[:write], end, true
}
