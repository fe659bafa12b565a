package stage

import "bytes"

// decolorize removes what colours text in a terminal.
type decolorize struct{}

func newDecolorize(_ *builder, f *fields) step {
	f.read()
	return decolorize{}
}

const escape = 0x1b

func (decolorize) run(r *Run, e *Entry, n *node) *node {
	if bytes.IndexByte(e.Line, escape) < 0 {
		return n.next
	}
	from := len(r.scratch)
	r.scratch = Decolorized(r.scratch, e.Line)
	e.Line = r.scratch[from:len(r.scratch):len(r.scratch)]
	return n.next
}

// Decolorized appends a line without what colours it in a terminal.
func Decolorized(out, line []byte) []byte {
	for rest := line; len(rest) > 0; {
		i := bytes.IndexByte(rest, escape)
		if i < 0 {
			return append(out, rest...)
		}
		out = append(out, rest[:i]...)
		end := sequence(rest[i:])
		if end == 0 {
			out = append(out, escape)
			end = 1
		}
		rest = rest[i+end:]
	}
	return out
}

// sequence returns the length of the control sequence that b begins with, 0 for none:
// ESC [ parameters letter.
func sequence(b []byte) int {
	if len(b) < 3 || b[1] != '[' {
		return 0
	}
	for i := 2; i < len(b) && i < 32; i++ {
		switch c := b[i]; {
		case c >= 0x40 && c <= 0x7e:
			return i + 1
		case c < 0x20 || c > 0x3f:
			return 0
		}
	}
	return 0
}
