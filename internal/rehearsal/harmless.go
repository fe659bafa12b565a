package rehearsal

import (
	"bytes"
	"io"

	"github.com/lighterman/lighterman/internal/console"
)

// harmless writes objects of JSON, each line by line, to a terminal. What would not show there,
// or do something to it, is written as its number.
type harmless struct{ w io.Writer }

func (h harmless) Write(objects []byte) (int, error) {
	var out []byte
	for line := range bytes.Lines(objects) {
		text, ends := bytes.CutSuffix(line, []byte("\n"))
		if out = console.AppendHarmless(out, text); ends {
			out = append(out, '\n')
		}
	}
	if _, err := h.w.Write(out); err != nil {
		return 0, err
	}
	return len(objects), nil
}
