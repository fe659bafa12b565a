package jsonfile

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
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return s[i+1:], true
		case '\\':
			i++
		}
	}
	return nil, false
}
