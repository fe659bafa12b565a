package logs

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// Label is a name and a value, as Loki knows them.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// MaxLabelName and MaxLabelValue are how long the name and the value of a label may be for
// Loki, by default, in bytes. Nothing longer is held: whoever starts a container may give
// it labels of many megabytes.
const (
	MaxLabelName  = 1024
	MaxLabelValue = 2048
)

// CutLabel returns as much of a label's value as Loki takes, in whole characters.
func CutLabel(value string) string { return cut(value, MaxLabelValue) }

// cut returns a text up to a number of bytes, in whole characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for text = text[:limit]; len(text) > 0; text = text[:len(text)-1] {
		if r, _ := utf8.DecodeLastRuneInString(text); r != utf8.RuneError {
			break
		}
	}
	return text
}

// Labels is the immutable label set of a target, without the stream label,
// which is added per entry, and the structured metadata that goes with every
// entry. Both are sorted by name, so equal sets encode to equal bytes: Loki
// recognises an entry that is sent again only when labels and metadata match.
type Labels struct {
	Pairs    []Label `json:"labels"`
	Metadata []Label `json:"metadata,omitempty"`
	// Whole reports whether Pairs are all labels there are, and the stream label is not
	// added: it was renamed or removed.
	Whole bool `json:"whole,omitempty"`
	// Tenant is whose the lines are, as Loki's X-Scope-OrgID names them; the configured one
	// when it is empty.
	Tenant string `json:"tenant,omitempty"`
	// Stderr are the labels of what is written to the standard error output, where they
	// differ from these in more than the stream label; nil otherwise.
	Stderr *Labels `json:"stderr,omitempty"`
	// Owner is what the container's owner asks for that changes lines: the names and values
	// of labels of the container, sorted by name. It is no label in Loki. It is here because
	// what is done with an entry has to go by its timestamp as its labels do, also when the
	// container is gone.
	Owner []Label `json:"owner,omitempty"`
	// Level has the level of each entry looked for. It is here for the same reason.
	Level bool `json:"level,omitempty"`

	// selectors are what Selector returns, once it was asked.
	selectors [Streams]atomic.Pointer[string]
}

// NewLabels builds a label set. Labels with an empty value are left out, as
// Prometheus and Loki treat them as absent, and too long ones are cut.
func NewLabels(pairs, metadata map[string]string) *Labels {
	return &Labels{Pairs: sorted(pairs), Metadata: sorted(metadata)}
}

func sorted(m map[string]string) []Label {
	out := make([]Label, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] != "" && len(name) <= MaxLabelName {
			out = append(out, Label{name, cut(m[name], MaxLabelValue)})
		}
	}
	return out
}

// Of returns the labels of the entries of a stream.
func (l *Labels) Of(s Stream) *Labels {
	if s == Stderr && l.Stderr != nil {
		return l.Stderr
	}
	return l
}

// Get returns the value of a label, or the empty string.
func (l *Labels) Get(name string) string {
	for _, p := range l.Pairs {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Container returns what the container is called in messages: its label, or what is left of
// its name and ID where that has another name or was removed.
func (l *Labels) Container() string {
	if name := l.Get("container"); name != "" {
		return name
	}
	metadata := Labels{Pairs: l.Metadata}
	if name := metadata.Get("container"); name != "" {
		return name
	}
	id := metadata.Get("container_id")
	return id[:min(12, len(id))]
}

// streamLabel is the label that tells the streams of a container apart.
const streamLabel = "stream"

// Value returns the value that a label has in Loki for a stream, or the empty string.
func (l *Labels) Value(name string, s Stream) string {
	if l = l.Of(s); name == streamLabel && !l.Whole {
		return s.String()
	}
	return l.Get(name)
}

// Len returns the number of labels in Loki, of the standard output.
func (l *Labels) Len() int {
	if l.Whole {
		return len(l.Pairs)
	}
	return len(l.Pairs) + 1
}

// HasMetadata reports whether metadata of a name goes with every entry.
func (l *Labels) HasMetadata(name []byte) bool {
	return slices.ContainsFunc(l.Metadata, func(p Label) bool { return p.Name == string(name) })
}

// Selector names the Loki stream of a container's stream as Loki does:
// {a="b", c="d"}, sorted by name. It is made once: every push needs it.
func (l *Labels) Selector(s Stream) string {
	l = l.Of(s)
	if text := l.selectors[s].Load(); text != nil {
		return *text
	}
	text := l.selector(s)
	l.selectors[s].Store(&text)
	return text
}

func (l *Labels) selector(s Stream) string {
	pairs := l.Pairs
	if !l.Whole {
		pairs = append(slices.Clone(pairs), Label{Name: streamLabel, Value: s.String()})
		slices.SortStableFunc(pairs, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	}
	var out strings.Builder
	for i, p := range pairs {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(p.Name)
		out.WriteByte('=')
		out.WriteString(strconv.Quote(strings.ToValidUTF8(p.Value, "\ufffd")))
	}
	return "{" + out.String() + "}"
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// IsLabelName reports whether Loki takes a name for a label.
func IsLabelName(name string) bool { return len(name) <= MaxLabelName && labelName.MatchString(name) }

// Valid reports whether l is a set as NewLabels makes it, of labels that Loki takes. Other
// sets come from a damaged file only.
func (l *Labels) Valid() bool {
	for _, pairs := range [][]Label{l.Pairs, l.Metadata} {
		for i, p := range pairs {
			if !labelName.MatchString(p.Name) || p.Value == "" || i > 0 && p.Name <= pairs[i-1].Name {
				return false
			}
		}
	}
	if l.Tenant != "" && !ValidTenant(l.Tenant) {
		return false
	}
	if l.Stderr != nil && (l.Stderr.Stderr != nil || !l.Stderr.Valid()) {
		return false
	}
	return len(l.Pairs) > 0 && (l.Whole || l.Get(streamLabel) == "")
}

// Equal reports whether both sets have the same labels and metadata, and the same is done
// with lines.
func (l *Labels) Equal(other *Labels) bool {
	if l == other {
		return true
	}
	return l != nil && other != nil && l.Whole == other.Whole && l.Level == other.Level && l.Tenant == other.Tenant &&
		slices.Equal(l.Pairs, other.Pairs) && slices.Equal(l.Metadata, other.Metadata) && slices.Equal(l.Owner, other.Owner) && l.Stderr.Equal(other.Stderr)
}
