package jsonfile

// isAttrs tells whether s is one JSON object of strings, without spaces: what Docker
// writes of a container's tag, labels and environment.
func isAttrs(s []byte) bool {
	rest, ok := afterAttrs(s)
	return ok && len(rest) == 0
}

// afterAttrs returns what follows such an object; ok is false when s does not begin with
// a whole one.
func afterAttrs(s []byte) (rest []byte, ok bool) {
	const before, between = "{,", ':'
	if len(s) >= 2 && s[0] == '{' && s[1] == '}' {
		return s[2:], true
	}
	for i := 0; ; i = 1 {
		if len(s) == 0 || s[0] != before[i] {
			return nil, false
		}
		if s, ok = afterString(s[1:]); !ok || len(s) == 0 || s[0] != between {
			return nil, false
		}
		if s, ok = afterString(s[1:]); !ok || len(s) == 0 {
			return nil, false
		}
		if s[0] == '}' {
			return s[1:], true
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
		switch c := s[i]; {
		case c == '"':
			return s[i+1:], true
		case c < ' ':
			return nil, false
		case c == '\\':
			n := escapeLen(s[i:])
			if n == 0 {
				return nil, false
			}
			i += n - 1
		}
	}
	return nil, false
}

// escapeLen returns the length of the escape that s begins with; 0 when it is none that
// JSON has.
func escapeLen(s []byte) int {
	switch {
	case len(s) < 2:
		return 0
	case plain[s[1]] != 0:
		return 2
	case s[1] == 'u' && hex4(s[2:]) >= 0:
		return 6
	}
	return 0
}
