package console

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// appendVisible appends a line so that it cannot do anything to a terminal, and so
// that nothing of it is hidden from whoever reads it. An escape sequence in a log
// could move the cursor, rewrite what is above, set the title or make the terminal
// answer as if somebody typed; a colour could hide text before a background of the
// same colour, and letters without width could stand between others. Control
// characters are therefore shown in caret notation, C1 controls and letters that
// show nothing by number. Only tabs and, where colours are wanted, the sequences
// that select harmless ones stay; where not, those are left out.
// It reports whether a colour may still be set at the end.
func appendVisible(b, line []byte, color bool) (out []byte, colored bool) {
	var shade style
	start := 0    // of what is not appended yet
	drawn := 0    // the size of the letter before, which a selector of its form may follow
	combined := 0 // how many marks stand on it
	for i := 0; i < len(line); {
		n, harmless := plain(line[i:], drawn, &combined)
		if drawn = n; harmless {
			i += n
			continue
		}
		drawn, combined = 0, 0
		b = append(b, line[start:i]...)
		sgr, next := selectsColor(line[i:], shade)
		if sgr == 0 {
			b = appendMade(b, line[i:i+n])
		} else {
			n = sgr
			if color {
				b = append(b, line[i:i+n]...)
				shade, colored = next, true
			}
		}
		i += n
		start = i
	}
	return append(b, line[start:]...), colored
}

// maxCombined is how many marks may stand on one letter: no script needs more, and
// a pile of them covers the lines above and below.
const maxCombined = 4

// plain returns the size of the first character and whether it may be printed
// as it is. drawn is the size of the harmless character before it, combined the
// number of marks on that.
func plain(s []byte, drawn int, combined *int) (size int, harmless bool) {
	if c := s[0]; c < utf8.RuneSelf {
		*combined = 0
		return 1, c >= ' ' && c != 0x7f || c == '\t'
	}
	r, size := utf8.DecodeRune(s)
	switch {
	case r == utf8.RuneError && size == 1:
		return 1, false
	case r <= 0x9f: // above ASCII, controls are U+0080 to U+009F
		return size, false
	case r == textForm || r == emojiForm:
		// They choose the form of a symbol, which is never of ASCII.
		return size, drawn > 1
	case hidden(r):
		return size, false
	case unicode.In(r, unicode.Mn, unicode.Me):
		*combined++
		return size, *combined <= maxCombined
	}
	*combined = 0
	return size, true
}

// The selectors that follow symbols in ordinary text.
const (
	textForm  = 0xfe0e
	emojiForm = 0xfe0f
)

// blank are letters that show nothing, besides those that Unicode calls ignorable.
var blank = &unicode.RangeTable{R16: []unicode.Range16{{0x115f, 0x1160, 1}, {0x17b4, 0x17b5, 1}, {0x2800, 0x2800, 1}, {0x3164, 0x3164, 1}, {0xffa0, 0xffa0, 1}}}

// hidden reports whether a letter shows nothing, changes the order of others, or
// ends a line: zero-width letters, soft hyphens, byte order marks, tags, selectors
// of forms, marks of direction, fillers, separators.
func hidden(r rune) bool {
	if r < 0xad {
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, blank) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
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
