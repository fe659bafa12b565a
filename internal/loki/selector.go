package loki

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

var nameText = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)

// selector reads a stream's labels as Loki writes them: {a="b", c="d"}.
func (t *scan) selector() (labels []logs.Label, ok bool) {
	if !t.word("{") {
		return nil, false
	}
	labels = []logs.Label{}
	for !t.word("}") {
		if len(labels) > 0 && !t.word(", ") {
			return nil, false
		}
		var name string
		if m := t.match(nameText); m != nil {
			name = m[0]
		} else if name, ok = t.quoted(); !ok {
			return nil, false
		}
		if !t.word("=") {
			return nil, false
		}
		value, ok := t.quoted()
		if !ok {
			return nil, false
		}
		labels = append(labels, logs.Label{Name: name, Value: value})
	}
	return labels, true
}

func (t *scan) quoted() (string, bool) {
	if !strings.HasPrefix(t.rest, `"`) {
		return "", false
	}
	prefix, err := strconv.QuotedPrefix(t.rest)
	if err != nil {
		return "", false
	}
	value, err := strconv.Unquote(prefix)
	t.rest = t.rest[len(prefix):]
	return value, err == nil
}
