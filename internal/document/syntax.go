package document

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkBytes refuses a file that cannot be text written by somebody, before
// the YAML parser sees it.
func checkBytes(name string, data []byte) error {
	if len(data) > MaxSize {
		return fmt.Errorf("%s: larger than 1 MiB: expected a configuration", name)
	}
	line, column := 1, 1
	for rest := data; len(rest) > 0; column++ {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			return fmt.Errorf("%s:%d:%d: expected UTF-8, found other bytes", name, line, column)
		case r == '\n':
			line, column = line+1, 0
		case unicode.IsControl(r) && r != '\t' && r != '\r':
			return fmt.Errorf("%s:%d:%d: expected text, found the control character %U", name, line, column, r)
		}
		rest = rest[n:]
	}
	return nil
}

var (
	yamlMessage = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)
	yamlAnchor  = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	// yamlGrammar are the messages of the parser, as opposed to the scanner:
	// they count lines from 0.
	yamlGrammar = regexp.MustCompile(`^did not find expected (?:'[-,]|key|node|<)|^found (?:duplicate|incompatible|undefined)`)
)

// syntaxError gives a parse error the place it lacks: the YAML package knows
// the line only, roughly, and not for every error.
func syntaxError(name string, data []byte, err error) error {
	m := yamlMessage.FindStringSubmatch(err.Error())
	if m == nil {
		return fmt.Errorf("%s:1:1: cannot parse: %w", name, err)
	}
	if anchor := yamlAnchor.FindStringSubmatch(m[2]); anchor != nil {
		line, column := find(data, "*"+anchor[1])
		return fmt.Errorf("%s:%d:%d: aliases are not supported; put text that begins with * in quotes", name, line, column)
	}
	line, _ := strconv.Atoi(m[1])
	if line == 0 || yamlGrammar.MatchString(m[2]) {
		line++
	}
	line, column := indent(data, line)
	return fmt.Errorf("%s:%d:%d: cannot parse: %w", name, line, column, errors.New(m[2]))
}

// find returns the line and column of a text.
func find(data []byte, text string) (line, column int) {
	at := max(bytes.Index(data, []byte(text)), 0)
	line = 1 + bytes.Count(data[:at], []byte("\n"))
	start := bytes.LastIndexByte(data[:at], '\n') + 1
	return line, 1 + utf8.RuneCount(data[start:at])
}

// indent returns a line that exists, and the column where its text begins.
func indent(data []byte, line int) (int, int) {
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	line = min(line, len(lines))
	text := lines[line-1]
	return line, 1 + len(text) - len(strings.TrimLeft(text, " \t"))
}
