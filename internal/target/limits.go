package target

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

// Loki's limits as they are by default. It refuses all lines of a container that has more.
const (
	// MaxLabels is how many labels a stream may have. Newer Lokis do not count
	// service_name, older ones do.
	MaxLabels = 15
	// maxMetadata and maxMetadataBytes bound the structured metadata of a line. Half of
	// what Loki takes is left to what is found in the lines themselves.
	maxMetadata      = 64
	maxMetadataBytes = 32 << 10
)

// Fit makes the labels that stages have given to a line what Loki takes: what is too much
// becomes structured metadata. whole says that the label stream is among them, if it is one.
func Fit(labels, metadata map[string]string, whole bool) {
	limit := MaxLabels
	if !whole {
		limit--
	}
	fit(labels, metadata, limit, []string{labelService, labelContainer, labelHost, labelStream})
}

// fit makes labels and structured metadata what Loki takes, and says what it has changed.
// Labels beyond the limit become structured metadata: first those that are not among
// first, from the last by name on.
func fit(pairs, metadata map[string]string, limit int, first []string) (notes []string) {
	notes = append(fitNames("label", pairs), fitNames("structured metadata", metadata)...)
	if len(pairs) > limit {
		rank := func(name string) int {
			if i := slices.Index(first, name); i >= 0 {
				return i
			}
			return len(first)
		}
		names := slices.SortedFunc(maps.Keys(pairs), func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
		over := names[limit:]
		notes = append(notes, fmt.Sprintf("it has %d labels and Loki takes %d: %s became structured metadata", len(names), limit, listed(over)))
		for _, name := range over {
			if metadata[name] == "" {
				metadata[name] = pairs[name]
			}
			delete(pairs, name)
		}
	}
	size, count := 0, 0
	var over []string
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		size, count = size+len(name)+len(metadata[name]), count+1
		if count > maxMetadata || size > maxMetadataBytes {
			over = append(over, name)
			delete(metadata, name)
		}
	}
	if len(over) > 0 {
		notes = append(notes, fmt.Sprintf("it has more structured metadata than Loki takes: %s left out", listed(over)))
	}
	return notes
}

// fitNames makes names and values what Loki takes, and leaves out empty ones.
func fitNames(kind string, pairs map[string]string) (notes []string) {
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		value := readable(pairs[name])
		if value == "" {
			delete(pairs, name)
			continue
		}
		if short := logs.CutLabel(value); len(short) < len(value) {
			notes = append(notes, fmt.Sprintf("the value of %s %.80q is cut after %d bytes", kind, name, logs.MaxLabelValue))
			value = short
		}
		pairs[name] = value
		if logs.IsLabelName(name) {
			continue
		}
		delete(pairs, name)
		to := plain(name)
		if !logs.IsLabelName(to) {
			to = "_" + to // it begins with a digit
		}
		switch _, taken := pairs[to]; {
		case len(to) > logs.MaxLabelName:
			notes = append(notes, fmt.Sprintf("the %s %.80q is left out: its name is longer than %d bytes", kind, name, logs.MaxLabelName))
		case taken || name == "" || strings.HasPrefix(to, reserved):
			notes = append(notes, fmt.Sprintf("the %s %.80q is left out: Loki takes no such name", kind, name))
		default:
			notes = append(notes, fmt.Sprintf("the %s %.80q is called %s: Loki takes no such name", kind, name, to))
			pairs[to] = value
		}
	}
	return notes
}

// readable returns a value with a question mark for each stretch of bytes that is no UTF-8, and
// for the character that others put in place of such bytes: Loki's parser takes neither.
func readable(value string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(value, "?"), "\ufffd", "?")
}

// listed names a few of many.
func listed(names []string) string {
	const few = 5
	quoted := make([]string, 0, few)
	for _, name := range names[:min(few, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%.80s", name))
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
