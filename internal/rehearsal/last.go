package rehearsal

import "bytes"

// Last keeps the last lines that it is given, in bounded memory.
type Last struct {
	most, size int
	lines      []Line
	// cut: some of the last lines had no room.
	cut bool
}

// maxKept bounds what is kept, in bytes of text.
const maxKept = 64 << 20

// NewLast keeps as many lines.
func NewLast(most int) *Last { return &Last{most: most} }

// Add takes a line, whose text is copied.
func (l *Last) Add(line Line) {
	line.Text = bytes.Clone(line.Text)
	l.lines, l.size = append(l.lines, line), l.size+len(line.Text)
	for len(l.lines) > l.most {
		l.drop()
	}
	for l.size > maxKept {
		l.cut = true
		l.drop()
	}
}

func (l *Last) drop() {
	l.size -= len(l.lines[0].Text)
	l.lines[0] = Line{}
	l.lines = l.lines[1:]
}

// Each passes the lines on, and reports whether there was no room for some of them.
func (l *Last) Each(take func(Line)) (cut bool) {
	for _, line := range l.lines {
		take(line)
	}
	return l.cut
}
