package assemble

import (
	"strconv"
	"unicode/utf8"
)

// cutMarker ends a line that was cut. The number is the limit: how long the line will be
// is not known when it is passed on, and may never be.
const (
	cutMarker    = "… [cut by lighterman: the line had more than "
	cutMarkerEnd = " bytes]"
)

// cut shortens text so that it fits MaxLine together with a marker. It cuts between runes
// and depends on nothing but the limit and as much of the text as that, so that a line
// sent again is cut alike, whatever has come of it by then.
func (a *Assembler) cut(text []byte) []byte {
	marker := cutMarker + strconv.Itoa(a.config.MaxLine) + cutMarkerEnd
	keep := max(0, min(len(text), a.config.MaxLine-len(marker)))
	for keep > 0 && keep < len(text) && !utf8.RuneStart(text[keep]) {
		keep--
	}
	out := make([]byte, 0, keep+len(marker))
	out = append(out, text[:keep]...)
	return append(out, marker...)
}
