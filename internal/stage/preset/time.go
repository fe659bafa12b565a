package preset

import "bytes"

// look is how much of an entry is looked at for its time, in bytes.
const look = 512

// textTime returns the time at the beginning of a line: 2026-11-29 12:00:00,123 and what
// is like it, in brackets or not, with a zone or without.
func textTime(line []byte) []byte {
	b := line[:min(len(line), 120)]
	i := 0
	for i < len(b) && i < 24 && !digit(b[i]) {
		if b[i] == '{' || b[i] == '=' || b[i] == '"' {
			return nil
		}
		i++
	}
	from := i
	for i = run(b, i, "-/"); i < len(b) && i-from >= 3 && i-from < 6 && b[i]|0x20 >= 'a' && b[i]|0x20 <= 'z'; {
		i++ // 29-Nov-2026
	}
	i = run(b, i, "-/")
	date := i-from >= 8
	switch {
	case date && i+1 < len(b) && (b[i] == 'T' || b[i] == ' ') && digit(b[i+1]):
		i = run(b, i+1, ":.,")
	case i < len(b) && b[i] == ':' && i-from <= 2:
		i = run(b, i, ":.,")
	default:
		return nil
	}
	for i > from && (b[i-1] == ':' || b[i-1] == ',' || b[i-1] == '.') {
		i--
	}
	if i-from < 8 {
		return nil
	}
	return line[from:zone(b, i)]
}

// run returns the end of digits and some other bytes.
func run(b []byte, i int, others string) int {
	for i < len(b) && (digit(b[i]) || bytes.IndexByte([]byte(others), b[i]) >= 0) {
		i++
	}
	return i
}

// zone returns the end of a zone that begins at i: Z, +01:00, " +0100", " UTC".
func zone(b []byte, i int) int {
	if i < len(b) && b[i] == 'Z' {
		return i + 1
	}
	j := i
	if j < len(b) && b[j] == ' ' {
		j++
	}
	if j+2 < len(b) && (b[j] == '+' || b[j] == '-') && digit(b[j+1]) && digit(b[j+2]) {
		return run(b, j+1, ":")
	}
	if j > i && j+3 <= len(b) && (string(b[j:j+3]) == "UTC" || string(b[j:j+3]) == "GMT") {
		return j + 3
	}
	return i
}

// anyTime is for logs that are JSON, logfmt or text.
func anyTime(line []byte) []byte {
	if t := jsonTime(line); t != nil {
		return t
	}
	if t := textTime(line); t != nil {
		return t
	}
	return logfmtTime(line)
}

// jsonTime returns the time in an object of JSON.
func jsonTime(line []byte) []byte {
	b := line[:min(len(line), look)]
	if !has(bytes.TrimLeft(b, " "), "{") {
		return nil
	}
	for _, key := range []string{`"time":`, `"ts":`, `"timestamp":`, `"@timestamp":`, `"@t":`, `"asctime":`, `"Timestamp":`} {
		if i := bytes.Index(b, []byte(key)); i > 0 && b[i-1] != '\\' {
			return plainValue(b, i+len(key))
		}
	}
	return nil
}

// plainValue returns the string or number that begins at i.
func plainValue(b []byte, i int) []byte {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	if i < len(b) && b[i] == '"' {
		end := bytes.IndexByte(b[i+1:], '"')
		if end <= 0 {
			return nil
		}
		return b[i+1 : i+1+end]
	}
	end := run(b, i, ".eE+-")
	if end == i || end == len(b) {
		return nil
	}
	return b[i:end]
}

// mongoTime returns the time of MongoDB's log: {"t":{"$date":"..."}.
func mongoTime(line []byte) []byte {
	const key = `"$date":`
	b := line[:min(len(line), look)]
	if i := bytes.Index(b, []byte(key)); i >= 0 {
		return plainValue(b, i+len(key))
	}
	return nil
}

// logfmtTime returns the time of key=value pairs.
func logfmtTime(line []byte) []byte {
	b := line[:min(len(line), look)]
	for _, key := range []string{"time=", "ts=", "timestamp=", "t="} {
		i := bytes.Index(b, []byte(key))
		if i < 0 || i > 0 && b[i-1] != ' ' {
			continue
		}
		i += len(key)
		if i < len(b) && b[i] == '"' {
			return plainValue(b, i)
		}
		end := i
		for end < len(b) && b[end] > ' ' {
			end++
		}
		if end > i {
			return b[i:end]
		}
	}
	return nil
}

// accessTime returns the time of an access log, [29/Nov/2026:12:00:00 +0000], or of an
// error log.
func accessTime(line []byte) []byte {
	if t := anyTime(line); t != nil && t[0] != '1' || bytes.IndexByte(line[:min(len(line), 200)], '[') < 0 {
		return t
	}
	b := line[:min(len(line), look)]
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '[')
		if i < 0 {
			return textTime(line)
		}
		at += i + 1
		if at+20 < len(b) && digit(b[at]) && b[at+2] == '/' && b[at+6] == '/' {
			if end := bytes.IndexByte(b[at:], ']'); end > 0 && end < 40 {
				return b[at : at+end]
			}
		}
		// Sun Nov 29 12:00:00.123456 2026
		if at+24 < len(b) && b[at+3] == ' ' && b[at+7] == ' ' && digit(b[at+9]) {
			if end := bytes.IndexByte(b[at:], ']'); end > 0 && end < 40 {
				return b[at : at+end]
			}
		}
	}
}

// redisTime returns the time behind the process: 1:M 29 Nov 2026 12:00:00.123.
func redisTime(line []byte) []byte {
	i := bytes.IndexByte(line[:min(len(line), 12)], ' ') + 1
	if i < 3 || len(line) < i+24 || !digit(line[i]) || line[i+2] != ' ' {
		return nil
	}
	return line[i : i+24]
}

// klogTime returns the time of I1129 12:00:00.123456, which has no year.
func klogTime(line []byte) []byte {
	if len(line) < 21 || !digit(line[1]) || !digit(line[4]) || line[5] != ' ' || line[8] != ':' {
		return nil
	}
	return line[1:21]
}

// syslogTime returns the time of both formats of syslog.
func syslogTime(line []byte) []byte {
	b := line[:min(len(line), 80)]
	if has(b, "<") {
		i := bytes.IndexByte(b, '>')
		if i < 0 {
			return nil
		}
		b = b[i+1:]
	}
	if has(b, "1 ") {
		b = b[2:]
		if end := bytes.IndexByte(b, ' '); end > 10 && digit(b[0]) {
			return b[:end]
		}
		return nil
	}
	if len(b) > 15 && b[3] == ' ' && b[6] == ' ' && b[9] == ':' && b[12] == ':' {
		return b[:15]
	}
	return textTime(b)
}
