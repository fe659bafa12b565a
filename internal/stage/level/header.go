package level

import "strings"

// How far a logger's header goes: the time, the process, the thread, the level.
const (
	headerBytes  = 200
	headerTokens = 14
)

// header goes through what stands before the message of a line: times, numbers, words in
// brackets. It ends at the first word of prose. plain reports whether Loki surely finds the
// same; whole is the line for that, which is looked at no further otherwise. soon reports
// whether pairs are to be looked at only where one may be a level that Loki does not find.
func header(line []byte, i int, whole []byte, soon bool) (l Level, plain bool) {
	end := min(len(line), headerBytes)
	timed, inside, named := false, false, false
	if n := stamp(line[i:end]); n > 0 {
		i, timed = i+n, true
	}
	for range headerTokens {
		// Between tokens: blanks, brackets, punctuation and colours.
		open := byte(' ')
		for i < end {
			c := line[i]
			if c == esc {
				i = skipColour(line, i)
				continue
			}
			if !between[c] {
				break
			}
			switch c {
			case '[', '(', '<':
				inside = true
			case ']', ')', '>':
				inside = false
			}
			open = c
			i++
		}
		if i >= end {
			return Unknown, false
		}
		from := i
		var seen kind
		colon := -1
	token:
		for i < end {
			k := kinds[line[i]]
			switch k {
			case ending:
				break token
			case equals:
				if i == from || seen&numeral != 0 || timed && !keyed(line[from:i]) {
					return Unknown, false
				}
				if soon {
					if at := candidate(line); at < 0 || lokiReads(line, at) {
						return Unknown, false
					}
				}
				return pairs(line, from)
			case quote:
				return Unknown, false
			case slash:
				if i == from {
					return Unknown, false
				}
			case point:
				if colon < 0 {
					colon = i - from
				}
			}
			seen |= k
			i++
		}
		letters, digits, at := seen&^alpha == 0, seen&numeral != 0, seen&around != 0
		token := line[from:i]
		// Most words are in small letters, and none of these is a level by itself, nor is
		// what begins with a digit.
		small := digit(token[0]) || colon < 0 && !inside && len(token) > 1 && token[1] >= '0' && (token[1] < 'A' || token[1] > 'Z') && open != '\t' && open != '|'
		if !small {
			if l := levelToken(line, token, i, open, inside, colon); l != Unknown {
				return l, !named && lokiFinds(whole, from, i)
			}
		}
		switch {
		case digits || at:
			timed = timed || digits
		case len(token) == 1 && letters && i < end && line[i] == ',': // Ruby's W, [2026
		case letters && calendar(token), letters && timed && zone(token):
		case timed && i+3 <= end && string(line[i:i+3]) == " - ":
			// Python's name of the logger: time - name - LEVEL - text
			named = true
		case inside:
			// A word in brackets is a name: the rest of it is passed over.
			named = true
			for i < end && line[i] != ']' && line[i] != ')' && line[i] != '>' {
				i++
			}
		default:
			return Unknown, false
		}
	}
	return Unknown, false
}

// stamp returns how long the time is that a line begins with in the way most have it,
// 2026-11-29 12:00:00 and more behind it; 0 for none.
func stamp(b []byte) int {
	const least = len("2026-11-29 12:00:00")
	if len(b) <= least || !digit(b[0]) || b[4] != '-' || b[7] != '-' || b[13] != ':' || b[16] != ':' || !digit(b[18]) {
		return 0
	}
	for i := least; i < len(b); i++ {
		switch c := b[i]; {
		case digit(c) || c == '.' || c == ',' || c == 'Z' || c == '+':
		case kinds[c] == ending:
			return i
		default:
			return 0
		}
	}
	return 0
}

const esc = 0x1b

// skipColour returns the end of a sequence like ESC [ 32 m that begins at i.
func skipColour(b []byte, i int) int {
	i++
	if i < len(b) && b[i] == '[' {
		for i++; i < len(b); i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return i + 1
			}
		}
	}
	return i
}

// kind is what a byte is within a token.
type kind uint16

const (
	alpha kind = 1 << iota
	numeral
	around // @
	point  // a colon
	slash
	quote
	equals
	ending // what ends a token
	rest
)

// kinds are those of all bytes, and between the bytes between tokens.
var kinds, between = func() (of [256]kind, between [256]bool) {
	for c := range of {
		b := byte(c)
		switch {
		case b <= ' ' || strings.IndexByte("[(<])>|,", b) >= 0:
			of[c] = ending
		case letter(b):
			of[c] = alpha
		case digit(b):
			of[c] = numeral
		case b == '@':
			of[c] = around
		case b == ':':
			of[c] = point
		case b == '/':
			of[c] = slash
		case b == '"' || b == '\'':
			of[c] = quote
		case b == '=':
			of[c] = equals
		default:
			of[c] = rest
		}
		between[c] = b <= ' ' || strings.IndexByte("[(<])>|-,:#*", b) >= 0
	}
	return of, between
}()

// levelToken returns the level that a token of the header is. line[:to] ends with the token,
// open is what stands before it, colon the place of the first colon in it or -1.
func levelToken(line, token []byte, to int, open byte, inside bool, colon int) Level {
	after, end := byte(' '), to
	for end < len(line) && line[end] == esc {
		end = skipColour(line, end)
	}
	if end < len(line) {
		after = line[end]
	}
	bracket := inside && (open == '[' || open == '(' || open == '<')
	if len(token) == 1 {
		// [E] and [I 12:00:00
		if open == '[' && (after == ']' || after == ' ' && to+1 < len(line) && digit(line[to+1])) {
			switch token[0] {
			case 'T', 'D', 'I', 'W', 'E', 'C', 'F':
				return word([]byte{token[0] | 0x20})
			}
		}
		return Unknown
	}
	text, marked := token, false
	if colon >= 0 {
		text, marked = token[:colon], true
		if bracket && after == ']' && !digit(token[0]) {
			text = token[colon+1:] // [core:error]
		}
	} else if inside {
		// [12:00:00: INFO/MainProcess]
		for i, c := range token {
			if c == '/' {
				text = token[:i]
				break
			}
		}
	}
	// production.ERROR:
	dotted := false
	if marked && len(text) > 0 && !digit(text[0]) {
		for i := len(text) - 1; i >= 0; i-- {
			if text[i] == '.' {
				text, dotted = text[i+1:], true
				break
			}
		}
	}
	if len(text) < 3 || len(text) > 11 {
		return Unknown
	}
	caps, low := true, [11]byte{}
	for i, c := range text {
		if !letter(c) {
			return Unknown
		}
		caps = caps && c < 'a'
		low[i] = c | 0x20
	}
	l := word(low[:len(text)])
	if l == Unknown || dotted && !caps {
		return Unknown
	}
	whole := bracket && (after == ']' || after == ')' || after == '>')
	tabs := open == '\t' && after == '\t' || open == '|' && after == '|'
	switch {
	case whole, tabs, marked && plain(low[:len(text)]):
		return l
	case !caps:
		return Unknown
	case marked || strong(low[:len(text)]):
		return l
	case after == ' ' && string(text) == "LOG" && to+1 < len(line) && line[to+1] == '[':
		return l
	}
	return Unknown
}

// strong words in capitals are levels wherever they stand in a header. The others are
// words, too: CONFIG LOADED.
func strong(low []byte) bool {
	switch string(low) {
	case "log", "config", "fine", "finer", "finest", "note", "http", "fail", "failure", "alert", "verbose", "silly", "emergency":
		return false
	}
	return true
}

// plain words followed by a colon are levels in whatever case. Note: and Log: are not.
func plain(low []byte) bool {
	switch string(low) {
	case "note", "log", "config", "fine", "http", "failure", "alert", "notice", "information", "verbose", "silly":
		return false
	}
	return true
}

// calendar reports whether a word is a month, a day of the week, or a half of the day.
func calendar(b []byte) bool {
	switch len(b) {
	case 2:
		return (b[0] == 'A' || b[0] == 'P') && b[1] == 'M'
	case 3:
		switch string(b) {
		case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
			"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
			return true
		}
	}
	return false
}

// zone reports whether a word behind a time may be a time zone.
func zone(b []byte) bool {
	if len(b) > 5 {
		return false
	}
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// pairs reads key=value pairs from i on, up to a level. plain is as for header.
func pairs(line []byte, i int) (l Level, plain bool) {
	for i < len(line) {
		from := i
		for i < len(line) && line[i] != '=' && line[i] > ' ' {
			i++
		}
		key := line[from:i]
		if i >= len(line) || line[i] != '=' {
			i = skipGaps(line, i)
			continue
		}
		i++
		from = i
		if i < len(line) && line[i] == '"' {
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' {
					i++
				}
			}
			from++
		} else {
			for i < len(line) && (line[i] > ' ' || line[i] == esc) {
				i++
			}
		}
		if i <= len(line) && keyed(key) {
			val := line[from:min(i, len(line))]
			if l := Parse(uncolour(val)); l != Unknown {
				return l, string(key) == "level" && lokiWord(val, true)
			}
		}
		if i < len(line) && line[i] == '"' {
			i++
		}
		i = skipGaps(line, i)
	}
	return Unknown, false
}

// skipGaps returns the place of the next byte that is visible.
func skipGaps(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	return i
}

// uncolour returns a value without a colour around it.
func uncolour(b []byte) []byte {
	if len(b) == 0 || b[0] != esc {
		return b
	}
	from := skipColour(b, 0)
	to := from
	for to < len(b) && b[to] != esc {
		to++
	}
	return b[from:to]
}

// keyed reports whether a key is one of those that loggers use for the level.
func keyed(key []byte) bool {
	if len(key) < 3 || len(key) > 13 {
		return string(key) == "@l"
	}
	var low [13]byte
	for i, c := range key {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		low[i] = c
	}
	switch string(low[:len(key)]) {
	case "level", "lvl", "severity", "loglevel", "log_level", "log.level", "levelname", "level_name", "@level",
		"severity_text", "severitytext", "log-level":
		return true
	}
	return false
}
