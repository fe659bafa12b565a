package preset

import (
	"bytes"

	"github.com/lighterman/lighterman/internal/stage/level"
)

// accessLevel is the level of an error log, or of an access log by the status: 5xx is an
// error, 4xx a warning.
func accessLevel(line []byte) level.Level {
	if l := level.Detect(line); l != level.Unknown {
		return l
	}
	head := line[:min(len(line), 4096)]
	for at := 0; ; {
		i := bytes.Index(head[at:], []byte(`" `))
		if i < 0 {
			return level.Unknown
		}
		at += i + 2
		if l := status(head[at:]); l != level.Unknown {
			return l
		}
	}
}

// status is the level of a text that begins with the status of an answer.
func status(b []byte) level.Level {
	if len(b) < 3 || !digit(b[1]) || !digit(b[2]) || len(b) > 3 && b[3] != ' ' {
		return level.Unknown
	}
	switch b[0] {
	case '1', '2', '3':
		return level.Info
	case '4':
		return level.Warn
	case '5':
		return level.Error
	}
	return level.Unknown
}

// haproxyLevel is the level by the status, which comes after the timers: 0/0/1/2/3 200. It
// counts more than the priority of syslog, which is that of all traffic.
func haproxyLevel(line []byte) level.Level {
	head := line[:min(len(line), 1024)]
	for len(head) > 0 {
		token, rest, _ := bytes.Cut(head, []byte(" "))
		if len(token) > 8 && bytes.Count(token, []byte("/")) == 4 && (digit(token[0]) || token[0] == '-') {
			return status(rest)
		}
		head = rest
	}
	return level.Detect(line)
}

// phpLevel knows the words of PHP's own messages.
func phpLevel(line []byte) level.Level {
	if l := level.Detect(line); l != level.Unknown {
		return l
	}
	head := line[:min(len(line), 120)]
	if i := bytes.Index(head, []byte("PHP ")); i == 0 || i > 0 && bytes.HasSuffix(head[:i], []byte("] ")) {
		head = head[i+4:]
	}
	switch {
	case hasAny(head, "Fatal error:", "Parse error:", "Core error:"):
		return level.Error
	case hasAny(head, "Warning:", "Deprecated:"):
		return level.Warn
	case has(head, "Notice:"):
		return level.Info
	}
	return level.Unknown
}

// rustLevel knows that a thread which panicked is an error.
func rustLevel(line []byte) level.Level {
	if has(line, "thread '") && bytes.Contains(line[:min(len(line), 200)], []byte("panicked at")) {
		return level.Error
	}
	return level.Detect(line)
}
