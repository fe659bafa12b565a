package console

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// appendVisible appends a line so that it cannot do anything to a terminal. An
// escape sequence in a log could move the cursor, rewrite what is above, set
// the title or make the terminal answer as if somebody typed. Control
// characters are therefore shown in caret notation, C1 controls and marks that
// reverse the direction of text by number. Only tabs and, where colours are
// wanted, the sequences that select them stay; where not, those are left out.
// It reports whether a colour may still be set at the end.
func appendVisible(b, line []byte, color bool) (out []byte, colored bool) {
	start := 0 // of what is not appended yet
	for i := 0; i < len(line); {
		n, harmless := plain(line[i:])
		if harmless {
			i += n
			continue
		}
		b = append(b, line[start:i]...)
		if sgr := selectsColor(line[i:]); sgr == 0 {
			b = appendMade(b, line[i:i+n])
		} else {
			n = sgr
			if color {
				b = append(b, line[i:i+n]...)
				colored = true
			}
		}
		i += n
		start = i
	}
	return append(b, line[start:]...), colored
}

// plain returns the size of the first character and whether it may be printed
// as it is.
func plain(s []byte) (size int, harmless bool) {
	if c := s[0]; c < utf8.RuneSelf {
		return 1, c >= ' ' && c != 0x7f || c == '\t'
	}
	r, size := utf8.DecodeRune(s)
	if r == utf8.RuneError && size == 1 {
		return 1, false
	}
	// Above ASCII, controls are U+0080 to U+009F.
	return size, r > 0x9f && !unicode.Is(unicode.Bidi_Control, r)
}

// appendMade appends a visible form of one harmful character.
func appendMade(b, char []byte) []byte {
	if c := char[0]; c < utf8.RuneSelf {
		return append(b, '^', c^0x40)
	}
	r, size := utf8.DecodeRune(char)
	if r == utf8.RuneError && size == 1 {
		return utf8.AppendRune(b, utf8.RuneError)
	}
	return fmt.Appendf(b, "<U+%04X>", r)
}

// maxSGR bounds the length of a sequence that is taken for a colour.
const maxSGR = 32

// selectsColor returns the length of the sequence ESC [ digits ; : m at the
// start of s, which selects colours and the like, or 0.
func selectsColor(s []byte) int {
	if len(s) < 3 || s[0] != 0x1b || s[1] != '[' {
		return 0
	}
	for i, c := range s[2:min(len(s), maxSGR)] {
		switch {
		case c == 'm':
			return i + 3
		case c >= '0' && c <= '9' || c == ';' || c == ':':
		default:
			return 0
		}
	}
	return 0
}
