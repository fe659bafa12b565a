package level

import "bytes"

// deepest is how deep a level may be in an object.
const deepest = 6

// object finds the level in an object of JSON, of which the end may be missing. One of
// the outermost object wins.
func object(b []byte) Level {
	var s scan
	s.mongo = bytes.HasPrefix(b, mongoBegins)
	inner, depth, i := Unknown, 0, 0
	key := false // the next string is a key, as far as { and , say
	var lists uint32
	for i < len(b) {
		switch c := b[i]; c {
		case '{':
			depth++
			key = true
			lists &^= 1 << (depth & 31)
		case '[':
			depth++
			key = false
			lists |= 1 << (depth & 31)
		case '}', ']':
			if depth--; depth <= 0 {
				return s.end(inner)
			}
		case ',':
			key = lists>>(depth&31)&1 == 0
		case '"':
			end := stringEnd(b, i+1)
			if end < 0 {
				return s.end(inner)
			}
			if !key || depth > deepest {
				i = end
				break
			}
			text := b[i+1 : end]
			i = skipBlank(b, end+1)
			if i >= len(b) || b[i] != ':' {
				return s.end(inner)
			}
			key = false
			l := s.field(text, b, skipBlank(b, i+1), depth)
			if l != Unknown && depth == 1 {
				return l
			}
			if inner == Unknown {
				inner = l
			}
		}
		i++
	}
	return s.end(inner)
}

// scan is what is known of an object.
type scan struct {
	mongo, gelf bool
	// digit is a level of one digit, which GELF takes from syslog.
	digit, has byte
}

// field returns the level that a field is. Its value begins at i.
func (s *scan) field(key, b []byte, i, depth int) Level {
	if i >= len(b) {
		return Unknown
	}
	if s.mongo && depth == 1 && len(key) == 1 && key[0] == 's' && b[i] == '"' {
		return mongo(b[i+1:])
	}
	if depth == 1 && string(key) == "short_message" {
		s.gelf = true
	}
	if !keyed(key) {
		return Unknown
	}
	if b[i] == '"' {
		end := stringEnd(b, i+1)
		if end < 0 {
			return Unknown
		}
		val := b[i+1 : end]
		if bytes.HasPrefix(val, []byte(`\u001b[`)) {
			val = escaped(val)
		}
		if depth > 1 && len(val) < 3 {
			return Unknown // a grade rather than a level
		}
		return Parse(bytes.TrimSpace(val))
	}
	from := i
	for i < len(b) && digit(b[i]) {
		i++
	}
	if i < len(b) && (b[i] == '.' || b[i]|0x20 == 'e') || i == len(b) || depth > 1 && i-from != 2 {
		return Unknown
	}
	if i-from == 1 && depth == 1 {
		s.digit, s.has = b[from]-'0', 1
	}
	return Parse(b[from:i])
}

func (s *scan) end(inner Level) Level {
	if s.gelf && s.has == 1 && inner == Unknown {
		return Syslog(int(s.digit))
	}
	return inner
}

// escaped returns a value without the colour around it, whose ESC is written as \u001b.
func escaped(val []byte) []byte {
	from := bytes.IndexByte(val, 'm') + 1
	to := len(val)
	if i := bytes.IndexByte(val[from:], '\\'); i >= 0 {
		to = from + i
	}
	return val[from:to]
}

// mongo reads MongoDB's severity, of which debug has five.
func mongo(b []byte) Level {
	if len(b) < 2 {
		return Unknown
	}
	switch {
	case b[0] == 'D' && (b[1] == '"' || b[1] >= '1' && b[1] <= '5'):
		return Debug
	case b[1] != '"':
	case b[0] == 'F':
		return Fatal
	case b[0] == 'E':
		return Error
	case b[0] == 'W':
		return Warn
	case b[0] == 'I':
		return Info
	}
	return Unknown
}

// stringEnd returns the place of the quote that ends a string whose text begins at i, -1
// for none.
func stringEnd(b []byte, i int) int {
	for i < len(b) {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 {
			return -1
		}
		i += j
		n := 0
		for k := i - 1; k >= 0 && b[k] == '\\'; k-- {
			n++
		}
		if n%2 == 0 {
			return i
		}
		i++
	}
	return -1
}
