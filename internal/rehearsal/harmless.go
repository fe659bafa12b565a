package rehearsal

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/console"
)

// harmless writes objects of JSON to a terminal. What console would show in another form is
// written as its number, which it can only be within a string.
type harmless struct{ w io.Writer }

func (h harmless) Write(objects []byte) (int, error) {
	if _, err := h.w.Write(appendHarmless(nil, objects)); err != nil {
		return 0, err
	}
	return len(objects), nil
}

// mostMarks bounds what stands on one letter, in bytes.
const mostMarks = 64

func appendHarmless(b, objects []byte) []byte {
	var letter []byte // with the marks on it
	for rest := objects; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		char := rest[:size]
		rest = rest[size:]
		if r >= ' ' && r < 0x7f || r == '\n' || r == '\t' {
			b, letter = append(b, char...), append(letter[:0], char...)
			continue
		}
		if !unicode.In(r, unicode.Mn, unicode.Me) {
			letter = letter[:0]
		}
		before := len(letter)
		letter = append(letter, char...)
		shown := string(letter)
		if len(letter) <= mostMarks && console.Escaped(shown) == shown {
			b = append(b, char...)
			continue
		}
		letter = letter[:before] // which has as many marks as before
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		} else {
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}
