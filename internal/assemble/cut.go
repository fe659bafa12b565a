package assemble

import (
	"strconv"
	"unicode/utf8"
)

// cutMarker ends a line that was cut. The number is the line's whole size.
const (
	cutMarker    = "… [cut by lighterman: the line had "
	cutMarkerEnd = " bytes]"
)

// cut shortens text so that it fits MaxLine together with a marker that tells
// its whole size. It cuts between runes and depends on nothing but the text,
// so that a line sent again is cut alike.
func (a *Assembler) cut(text []byte, size int) []byte {
	marker := cutMarker + strconv.Itoa(max(size, len(text))) + cutMarkerEnd
	keep := max(0, min(len(text), a.config.MaxLine-len(marker)))
	for keep > 0 && keep < len(text) && !utf8.RuneStart(text[keep]) {
		keep--
	}
	out := make([]byte, 0, keep+len(marker))
	out = append(out, text[:keep]...)
	return append(out, marker...)
}
