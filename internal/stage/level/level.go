package level

// Level is how much an entry matters, from Trace up. The zero value is Unknown.
type Level uint8

// The levels that Loki's clients know.
const (
	Unknown Level = iota
	Trace
	Debug
	Info
	Warn
	Error
	Critical
	Fatal
)

var names = [...]string{"unknown", "trace", "debug", "info", "warn", "error", "critical", "fatal"}

// String returns the level as Loki writes it.
func (l Level) String() string { return names[l] }

// Names are those of all levels, from the lowest.
func Names() []string { return names[1:] }

// Parse returns the level that a word, a letter or a number stands for, in whatever case.
// Numbers are those of pino and bunyan from 10 to 60; others mean different things to
// different loggers.
func Parse(b []byte) Level {
	if len(b) == 0 || len(b) > 13 {
		return Unknown
	}
	if b[0] >= '0' && b[0] <= '9' {
		return number(b)
	}
	var low [13]byte
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		low[i] = c
	}
	return word(low[:len(b)])
}

// number is pino's and bunyan's level. Levels of one's own lie between those: 35 is more
// than info and not yet a warning.
func number(b []byte) Level {
	if len(b) != 2 || b[1] < '0' || b[1] > '9' {
		return Unknown
	}
	switch b[0] {
	case '1':
		return Trace
	case '2':
		return Debug
	case '3':
		return Info
	case '4':
		return Warn
	case '5':
		return Error
	case '6':
		return Fatal
	}
	return Unknown
}

// word is the level of a word in lower case.
func word(b []byte) Level {
	switch string(b) {
	case "trace", "trc", "t", "finest", "finer", "verbose", "vrb", "silly", "trce":
		return Trace
	case "debug", "dbg", "d", "fine", "debg", "dbug", "debug1", "debug2", "debug3", "debug4", "debug5":
		return Debug
	case "info", "inf", "i", "information", "informational", "notice", "note", "log", "config", "http", "ntc":
		return Info
	case "warn", "wrn", "w", "warning", "warni":
		return Warn
	case "error", "err", "e", "severe", "eror", "fail", "failure":
		return Error
	case "critical", "crit", "c", "crt", "alert", "alrt":
		return Critical
	case "fatal", "ftl", "f", "panic", "pnc", "emerg", "emergency", "dpanic", "fata":
		return Fatal
	}
	return Unknown
}

// Syslog returns the level of a number of syslog, of which 0 is the worst.
func Syslog(severity int) Level {
	switch severity {
	case 0:
		return Fatal
	case 1, 2:
		return Critical
	case 3:
		return Error
	case 4:
		return Warn
	case 5, 6:
		return Info
	case 7:
		return Debug
	}
	return Unknown
}
