package jsonfile

import "bytes"

// isAttrs tells whether s is one JSON object of strings, without spaces: what Docker
// writes of a container's tag, labels and environment.
func isAttrs(s []byte) bool {
	const before, between = "{,", ":"
	if string(s) == "{}" {
		return true
	}
	for i := 0; ; i = 1 {
		if len(s) == 0 || s[0] != before[i] {
			return false
		}
		var ok bool
		if s, ok = afterString(s[1:]); !ok || len(s) == 0 || s[0] != between[0] {
			return false
		}
		if s, ok = afterString(s[1:]); !ok {
			return false
		}
		if string(s) == "}" {
			return true
		}
	}
}

// afterString returns what follows a JSON string; ok is false when s does not begin
// with a whole one.
func afterString(s []byte) (rest []byte, ok bool) {
	if len(s) == 0 || s[0] != '"' {
		return nil, false
	}
	for s = s[1:]; ; {
		quote := bytes.IndexByte(s, '"')
		if quote < 0 {
			return nil, false
		}
		slash := bytes.IndexByte(s[:quote], '\\')
		if slash < 0 {
			return s[quote+1:], true
		}
		s = s[slash+2:] // there are as many: the quote is behind the slash
	}
}
