package console

import (
	"fmt"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
)

// timeLayout is RFC 3339 with all nine digits, so that lines sort as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z07:00"

// containerLabel is the label that names a container.
const containerLabel = "container"

// jsonPrinter prints one object per entry. What the entries of a group share is
// encoded once per batch.
type jsonPrinter struct {
	groups []*logs.Group
	// middle and tail are, per group, what stands between time and line, and
	// after the line but for what a single entry has.
	middle, tail [][]byte
	// terminal tells that what would do something to one is escaped, too.
	terminal bool
	object   []byte
}

func (p *jsonPrinter) begin(groups []*logs.Group) {
	p.groups = groups
	p.middle, p.tail = p.middle[:0], p.tail[:0]
	for _, g := range groups {
		p.middle = append(p.middle, appendMiddle(nil, g))
		p.tail = append(p.tail, appendTail(nil, g.Labels))
	}
}

func (p *jsonPrinter) entry(b []byte, g, i int) []byte {
	if !p.terminal {
		return p.append(b, g, i)
	}
	p.object = p.append(p.object[:0], g, i)
	return append(AppendHarmless(b, p.object[:len(p.object)-1]), '\n')
}

// append appends the object of an entry.
func (p *jsonPrinter) append(b []byte, g, i int) []byte {
	b = append(b, `{"time":"`...)
	b = time.Unix(0, p.groups[g].Times[i]).UTC().AppendFormat(b, timeLayout)
	b = append(b, p.middle[g]...)
	b = appendString(b, p.groups[g].Line(i))
	b = append(b, p.tail[g]...)
	b = appendExtra(b, p.groups[g], i)
	return append(b, "}}\n"...)
}

// appendExtra appends the metadata that entry i alone has.
func appendExtra(b []byte, g *logs.Group, i int) []byte {
	for name, value := range g.MetadataOf(i).All() {
		if g.Labels.HasMetadata(name) || g.Labels.Get(string(name)) != "" {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		b = appendString(b, value)
	}
	return b
}

func appendMiddle(b []byte, g *logs.Group) []byte {
	b = append(b, `","container":`...)
	b = appendString(b, []byte(g.Labels.Get(containerLabel)))
	b = append(b, `,"stream":"`...)
	b = append(b, g.Stream.String()...)
	return append(b, `","line":`...)
}

// appendTail appends all other labels and then the metadata of all entries, each by
// name. Of equal names the label wins, and then that: an object must not have one twice.
func appendTail(b []byte, l *logs.Labels) []byte {
	b = append(b, `,"labels":{`...)
	first := true
	add := func(pair logs.Label) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, []byte(pair.Name))
		b = append(b, ':')
		b = appendString(b, []byte(pair.Value))
	}
	for _, pair := range l.Pairs {
		if pair.Name != containerLabel {
			add(pair)
		}
	}
	for _, pair := range l.Metadata {
		if l.Get(pair.Name) == "" {
			add(pair)
		}
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string, escaped as encoding/json does it
// without its HTML escapes. Bytes that are no UTF-8 become U+FFFD.
func appendString(b, s []byte) []byte {
	b = append(b, '"')
	start := 0 // of what is not appended yet
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' {
				b = append(b, s[start:i]...)
				b = appendEscape(b, c)
				start = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if escape := runeEscape(r, size); escape != "" {
			b = append(b, s[start:i]...)
			b = append(b, escape...)
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// runeEscape returns the escape that a rune of several bytes needs, if any: the
// two line ends that JavaScript knows beyond JSON, and what is no UTF-8.
func runeEscape(r rune, size int) string {
	switch {
	case r == utf8.RuneError && size == 1:
		return `\ufffd`
	case r == '\u2028':
		return `\u2028`
	case r == '\u2029':
		return `\u2029`
	default:
		return ""
	}
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// AppendHarmless appends an object with all escaped that would not show on a terminal, or
// do something to it. Such characters are in strings only.
func AppendHarmless(b, object []byte) []byte {
	combined := 0
	for len(object) > 0 {
		size, harmless := plain(object, 0, &combined)
		if harmless {
			b = append(b, object[:size]...)
		} else {
			r, _ := utf8.DecodeRune(object)
			if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
				b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
			} else {
				b = fmt.Appendf(b, `\u%04x`, r)
			}
		}
		object = object[size:]
	}
	return b
}
