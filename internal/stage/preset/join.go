package preset

import "bytes"

// What a line of an entry was, for the one after it. 0 is an ordinary line.
const (
	ordinary uint8 = iota
	trace          // within a stack trace
	last           // the last line of one, as far as that can be told
	linked         // between two traces that belong together
	source         // where a program has ended, before the reason
)

const (
	joins  = false
	begins = true
)

func has(line []byte, prefix string) bool {
	return len(line) >= len(prefix) && string(line[:len(prefix)]) == prefix
}

func hasAny(line []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if has(line, p) {
			return true
		}
	}
	return false
}

func indented(line []byte) bool { return len(line) > 0 && (line[0] == ' ' || line[0] == '\t') }

func blank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// java joins the lines of stack traces, with their causes.
func java(_ uint8, line []byte) (uint8, bool) {
	switch {
	case indented(line), hasAny(line, "Caused by: ", "Suppressed: ", "at ", "... "), throwable(line):
		return trace, joins
	}
	return ordinary, begins
}

// throwable reports whether a line begins with the name of an exception, as
// java.lang.IllegalStateException: text.
func throwable(line []byte) bool {
	end := 0
	for end < len(line) && end < 200 && (line[end] == '.' || line[end] == '_' || line[end] == '$' || alnum(line[end])) {
		end++
	}
	name := line[:end]
	if end < len(line) && line[end] != ':' || bytes.IndexByte(name, '.') <= 0 {
		return false
	}
	return bytes.HasSuffix(name, []byte("Exception")) || bytes.HasSuffix(name, []byte("Error")) || bytes.HasSuffix(name, []byte("Throwable"))
}

func alnum(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }

// python joins tracebacks with the line that was logged before them, and with those that
// they were caused by.
func python(state uint8, line []byte) (uint8, bool) {
	switch {
	case has(line, "Traceback (most recent call last):"):
		return trace, joins
	case indented(line):
		return max(state, ordinary), joins
	case state == trace:
		return last, joins // ValueError: text
	case (state == last || state == linked) && blank(line):
		return linked, joins
	case (state == last || state == linked) && hasAny(line, "During handling of the above exception", "The above exception was the direct cause"):
		return linked, joins
	}
	return ordinary, begins
}

// golang joins what a panic writes.
func golang(state uint8, line []byte) (uint8, bool) {
	switch {
	case hasAny(line, "panic: ", "fatal error: ", "unexpected fault address"):
		if state == trace && has(line, "fatal error: ") {
			return trace, joins
		}
		return source, begins
	case has(line, "goroutine ") && bytes.HasSuffix(bytes.TrimSpace(line), []byte("]:")):
		return trace, joins
	case indented(line):
		return state, joins
	case state == source && (blank(line) || hasAny(line, "[signal ", "[recovered]", "runtime: ")):
		return source, joins
	case state == trace && (blank(line) || frame(line)):
		return trace, joins
	case (state == trace || state == source) && has(line, "exit status "):
		return last, joins
	}
	return ordinary, begins
}

// frame reports whether a line is a function of Go in a stack trace.
func frame(line []byte) bool {
	line = bytes.TrimSpace(line)
	return hasAny(line, "created by ", "main.", "runtime.") ||
		bytes.HasSuffix(line, []byte(")")) && bytes.IndexByte(line, '(') > 0 && bytes.IndexByte(line, ' ') < 0 ||
		bytes.HasSuffix(line, []byte("(...)")) || has(line, "...additional frames elided")
}

// node joins the lines of errors, and what Node.js writes when it ends.
func node(state uint8, line []byte) (uint8, bool) {
	switch {
	case indented(line):
		return max(state, ordinary), joins
	case has(line, "Node.js v") && state != ordinary:
		return last, joins
	case hasAny(line, "}", "]") && len(bytes.TrimSpace(line)) <= 2:
		return state, joins
	case state == source && (blank(line) || failure(line)):
		if blank(line) {
			return source, joins
		}
		return trace, joins
	case state == trace && blank(line):
		return trace, joins
	case hasAny(line, "/", "node:", "file:///") && place(line):
		return source, begins
	case failure(line):
		return trace, begins
	}
	return ordinary, begins
}

// failure reports whether a line begins like TypeError: or Error [ERR_X]:.
func failure(line []byte) bool {
	end := 0
	for end < len(line) && alnum(line[end]) {
		end++
	}
	return bytes.HasSuffix(line[:end], []byte("Error")) && end < len(line) && (line[end] == ':' || line[end] == ' ') || has(line, "Uncaught ")
}

// place reports whether a line is a file with the number of a line.
func place(line []byte) bool {
	line = bytes.TrimSpace(line)
	i := len(line)
	for i > 0 && digit(line[i-1]) {
		i--
	}
	return i < len(line) && i > 0 && line[i-1] == ':' && bytes.IndexByte(line, ' ') < 0
}

// dotnet joins what follows the category of a line on the console, and stack traces.
func dotnet(state uint8, line []byte) (uint8, bool) {
	if indented(line) || hasAny(line, "---> ", "--- End of ") {
		return state, joins
	}
	return ordinary, begins
}

// ruby joins the places of a trace.
func ruby(state uint8, line []byte) (uint8, bool) {
	switch {
	case indented(line), has(line, "Caused by:"):
		return trace, joins
	case blank(line):
		return state, map[uint8]bool{trace: joins, ordinary: begins}[state]
	case (bytes.Contains(line, []byte(":in `")) || bytes.Contains(line, []byte(":in '"))) && !bytes.HasSuffix(bytes.TrimSpace(line), []byte(")")) && !has(line, "["):
		return trace, joins
	}
	return ordinary, begins
}

// php joins stack traces in all three of its notations.
func php(state uint8, line []byte) (uint8, bool) {
	switch {
	case indented(line), hasAny(line, "Stack trace:", "PHP Stack trace:", "PHP   ", "[stacktrace]", "[previous exception]", "Next "):
		return trace, joins
	case len(line) > 1 && line[0] == '#' && digit(line[1]):
		return trace, joins
	case state == trace && (blank(line) || has(line, `"}`) || has(line, "thrown in ")):
		return trace, joins
	}
	return ordinary, begins
}

// rust joins what a panic writes, and the chain of causes.
func rust(state uint8, line []byte) (uint8, bool) {
	switch {
	case has(line, "thread '") && bytes.Contains(line, []byte("panicked at")):
		return source, begins
	case indented(line), hasAny(line, "note: ", "stack backtrace:", "Caused by:", "Location:"):
		return trace, joins
	case state == source:
		return trace, joins // the message
	case has(line, "Error: "):
		return last, begins
	case blank(line) && (state == last || state == trace):
		return state, joins
	}
	return ordinary, begins
}

// postgres joins the further lines of a statement, and what explains an error.
func postgres(_ uint8, line []byte) (uint8, bool) {
	head := line[:min(len(line), 160)]
	for _, word := range [][]byte{[]byte("DETAIL:  "), []byte("HINT:  "), []byte("CONTEXT:  "), []byte("STATEMENT:  "), []byte("QUERY:  "), []byte("LOCATION:  ")} {
		if i := bytes.Index(head, word); i == 0 || i > 0 && head[i-1] == ' ' {
			return ordinary, joins
		}
	}
	return ordinary, !indented(line)
}

// mysql joins the lines of an entry of the slow log, and of InnoDB's reports.
func mysql(state uint8, line []byte) (uint8, bool) {
	switch {
	case has(line, "# Time: "):
		return source, begins
	case has(line, "# User@Host: ") && state != source:
		return source, begins
	case state == source && !stamped(line):
		return source, joins
	}
	return ordinary, !indented(line)
}

// stamped reports whether a line begins with a date.
func stamped(line []byte) bool {
	return len(line) > 10 && digit(line[0]) && digit(line[3]) && line[4] == '-' && line[7] == '-'
}
