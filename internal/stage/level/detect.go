package level

// Look is how much of a line is looked at, in bytes. A level further back was not put
// there by a logger.
const Look = 512

// Detect returns the level that a line was written with, or Unknown where it has none
// that can be told from prose.
func Detect(line []byte) Level {
	if len(line) > Look {
		line = line[:Look]
	}
	i := skipBlank(line, 0)
	if i == len(line) {
		return Unknown
	}
	switch line[i] {
	case '{':
		return object(line[i:])
	case '<':
		return priority(line[i:])
	}
	if l := klog(line[i:]); l != Unknown {
		return l
	}
	if l := redis(line[i:]); l != Unknown {
		return l
	}
	l, _ := header(line, i, line, false)
	return l
}

func skipBlank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// priority reads <PRI> of syslog, whose three lowest bits are the severity.
func priority(b []byte) Level {
	n, i := 0, 1
	for i < len(b) && i <= 3 && digit(b[i]) {
		n = n*10 + int(b[i]-'0')
		i++
	}
	if i == 1 || i >= len(b) || b[i] != '>' || n > 191 {
		return Unknown
	}
	return Syslog(n & 7)
}

// klog reads I0102 15:04:05.000000 of Kubernetes.
func klog(b []byte) Level {
	if len(b) < 8 || b[5] != ' ' || !digit(b[1]) || !digit(b[2]) || !digit(b[3]) || !digit(b[4]) || !digit(b[6]) {
		return Unknown
	}
	switch b[0] {
	case 'I':
		return Info
	case 'W':
		return Warn
	case 'E':
		return Error
	case 'F':
		return Fatal
	}
	return Unknown
}

// redis reads 1:M 29 Nov 2026 12:00:00.123 * text, where the last sign is the level.
func redis(b []byte) Level {
	i := 0
	for i < len(b) && i < 8 && digit(b[i]) {
		i++
	}
	if i == 0 || i+29 >= len(b) || b[i] != ':' || b[i+2] != ' ' || !digit(b[i+3]) {
		return Unknown
	}
	switch b[i+1] {
	case 'M', 'S', 'C', 'X':
	default:
		return Unknown
	}
	// Day, month, year and time have a fixed length.
	at := i + 28
	if b[at-1] != ' ' || at+1 >= len(b) || b[at+1] != ' ' {
		return Unknown
	}
	switch b[at] {
	case '.':
		return Debug
	case '-', '*':
		return Info
	case '#':
		return Warn
	}
	return Unknown
}
