package console

import (
	"bytes"
	"regexp"
)

// marked is how what is looked for is shown: on a background of its own, as a container's
// own colours cannot be told from it otherwise.
const marked = "\x1b[1;30;43m"

// marker marks what is looked for in lines. Nil marks nothing.
type marker struct {
	pattern *regexp.Regexp
	// visible is memory that is used again.
	visible []byte
}

// newMarker makes one for several patterns; nil for none.
func newMarker(patterns []*regexp.Regexp) *marker {
	if len(patterns) == 0 {
		return nil
	}
	var all bytes.Buffer
	for i, p := range patterns {
		if i > 0 {
			all.WriteByte('|')
		}
		all.WriteString("(?:" + p.String() + ")")
	}
	joined, err := regexp.Compile(all.String())
	if err != nil {
		joined = patterns[0] // too large when joined
	}
	return &marker{pattern: joined}
}

// append appends a line with the matches marked, and without the container's own colours,
// which could hide what stands between; or reports that there is no match.
func (m *marker) append(b, line []byte) (out []byte, found bool) {
	if m == nil {
		return b, false
	}
	m.visible, _ = appendVisible(m.visible[:0], line, false)
	matches := m.pattern.FindAllIndex(m.visible, -1)
	at := 0
	for _, match := range matches {
		if match[0] == match[1] {
			continue
		}
		b = append(b, m.visible[at:match[0]]...)
		b = append(append(append(b, marked...), m.visible[match[0]:match[1]]...), reset...)
		at, found = match[1], true
	}
	if !found {
		return b, false
	}
	return append(b, m.visible[at:]...), true
}
