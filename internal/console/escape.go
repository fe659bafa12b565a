package console

import (
	"io"
	"os"
)

// Escaped returns a line so that it cannot do anything to a terminal, and all of it is seen:
// colours, too, are shown by what selects them. Tabs stay.
func Escaped(line string) string {
	start, drawn, combined := 0, 0, 0
	var b []byte
	for i := 0; i < len(line); {
		n, harmless := plain([]byte(line[i:min(len(line), i+4)]), drawn, &combined)
		if drawn = n; harmless {
			i += n
			continue
		}
		drawn, combined = 0, 0
		b = append(b, line[start:i]...)
		b = appendMade(b, []byte(line[i:i+n]))
		i += n
		start = i
	}
	if start == 0 {
		return line
	}
	return string(append(b, line[start:]...))
}

// UseColor reports whether what is written to w is to have colours.
func UseColor(c Color, w io.Writer) bool {
	f, is := w.(*os.File)
	return useColor(c, is && IsTerminal(f))
}
