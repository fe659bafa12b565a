package level

import "bytes"

// lookSoon is how much of a line Missed looks at, in bytes.
const lookSoon = 256

// Missed returns the level of a line where Loki does not find the same by itself, and Unknown
// where it does or where there is none. It is for every line of every container, so most of it
// is to say soon that there is nothing to do, and it sees less than Detect.
//
// What Loki does is that of 3.x (pkg/distributor/field_detection.go): a field of JSON down to
// the second level, or of logfmt, with one of its names and one of its words as the value; or
// else the first of its words anywhere in the line that stands by itself.
func Missed(line []byte) Level {
	head := line[:min(len(line), lookSoon)]
	i := 0
	if len(head) == 0 || head[0] <= ' ' {
		if i = skipBlank(head, 0); i == len(head) {
			return Unknown
		}
	}
	c := head[i]
	if c == '{' {
		return missedObject(head, i)
	}
	l, plain := Unknown, false
	switch {
	case c == '<':
		l = priority(head[i:])
	case c == 'I' || c == 'W' || c == 'E' || c == 'F':
		l = klog(head[i:])
	case digit(c):
		l = redis(head[i:])
	}
	if l == Unknown && c != '<' {
		l, plain = header(head, i, line, true)
	}
	if l == Unknown || plain {
		return Unknown
	}
	if at := candidate(head); at >= 0 && lokiReads(head, at) {
		return Unknown
	}
	return l
}

// missedObject is Missed of an object of JSON that begins at i.
func missedObject(head []byte, i int) Level {
	at := candidate(head)
	switch {
	case at >= 0 && lokiReads(head, at):
		return Unknown
	case at < 0 && !bytes.HasPrefix(head[i:], mongoBegins) && !bytes.HasPrefix(head[i:], serilogBegins):
		return Unknown
	}
	return object(head[i:])
}

// What a line of MongoDB begins with, and one of Serilog's compact JSON.
var mongoBegins, serilogBegins = []byte(`{"t":{"$date"`), []byte(`{"@`)

// candidate returns the place of the v of a key for the level, -1 where there is none: all have
// a v between two letters of a kind. Those in capitals are left to Loki, which knows them.
func candidate(b []byte) int {
	for i := 0; ; i++ {
		next := bytes.IndexByte(b[i:], 'v')
		if next < 0 {
			return -1
		}
		if i += next; i > 0 && i+1 < len(b) && b[i-1] == b[i+1] && (b[i-1] == 'e' || b[i-1] == 'l') {
			return i
		}
	}
}

// lokiReads reports whether the v at a place is that of level, a field with a word that Loki
// knows: level=info or "level":"info". Loki takes it wherever it stands.
func lokiReads(b []byte, v int) bool {
	const before, after = len("le"), len("vel")
	if v < before || v+after+2 >= len(b) || b[v-2] != 'l' || b[v+2] != 'l' {
		return false
	}
	var val []byte
	switch from := v + after; {
	case b[from] == '=' && (v == before || b[v-before-1] == ' '):
		val = b[from+1:]
	case b[from] == '"' && b[from+1] == ':' && b[from+2] == '"' && v > before && b[v-before-1] == '"':
		val = b[from+3:]
	default:
		return false
	}
	end := 0
	for end < len(val) && letter(val[end]) {
		end++
	}
	if end == len(val) || val[end] != ' ' && val[end] != '"' {
		return false
	}
	switch string(val[:end]) {
	case "info", "warn", "error", "debug": // nearly all there are
		return true
	}
	return lokiWord(val[:end], true)
}

// lokiFinds reports whether a token is a word that Loki looks for, and stands by itself in
// Loki's eyes, up to a colon.
func lokiFinds(line []byte, from, to int) bool {
	if i := bytes.IndexByte(line[from:to], ':'); i >= 0 {
		to = from + i
	}
	left, right := from == 0 || bytes.IndexByte([]byte(" \t\n[({\""), line[from-1]) >= 0, to == len(line) || bytes.IndexByte([]byte(" \t\n[](){}:,!\""), line[to]) >= 0
	return left && right && lokiWord(line[from:to], false) && bytes.IndexByte(line, '=') < 0 // or else it looks for fields first
}

// lokiWord reports whether Loki takes a word for the same level, as the value of a field or
// in a line.
func lokiWord(b []byte, field bool) bool {
	if len(b) < 3 || len(b) > 11 {
		return false
	}
	var low [11]byte
	for i, c := range b {
		if !letter(c) {
			return false
		}
		low[i] = c | 0x20
	}
	switch string(low[:len(b)]) {
	case "trace", "debug", "info", "warn", "warning", "error", "err", "critical", "fatal":
		return true
	case "trc", "dbg", "inf", "information", "wrn":
		return field
	}
	return false
}
