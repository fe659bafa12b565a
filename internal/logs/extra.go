package logs

import (
	"encoding/binary"
	"iter"
	"strings"
	"unicode/utf8"
)

// Extra is what only some entries have. It is valid as long as the line is.
type Extra struct {
	// Tenant is whose entry it is, as Loki's X-Scope-OrgID names them; the configured one
	// when it is empty. See ValidTenant.
	Tenant string
	// Labels are those of the entry where it has others than its container; nil otherwise.
	Labels *Labels
	// Metadata goes with this entry, beside that of its labels.
	Metadata Metadata
}

// Metadata is structured metadata of one entry: names and values, each after its length.
// The same pairs in the same order are the same bytes, as Loki recognises an entry that is
// sent again only when its metadata matches. The zero value has none.
type Metadata []byte

// Append adds a pair, unless its value is empty or its name too long; too long a value is
// cut. The result is valid UTF-8. A name must not come twice.
func (m Metadata) Append(name, value string) Metadata {
	name, value = valid(name), cut(valid(value), MaxLabelValue)
	if name == "" || value == "" || len(name) > MaxLabelName {
		return m
	}
	m = append(binary.AppendUvarint(m, uint64(len(name))), name...)
	return append(binary.AppendUvarint(m, uint64(len(value))), value...)
}

// valid returns a text with U+FFFD for what is no UTF-8 in it.
func valid(text string) string {
	if utf8.ValidString(text) { // which takes a tenth of the time
		return text
	}
	return strings.ToValidUTF8(text, "\ufffd")
}

// All goes through the pairs, which must not be changed.
func (m Metadata) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		var name, value []byte
		for rest := []byte(m); len(rest) > 0; {
			name, rest = field(rest)
			value, rest = field(rest)
			if !yield(name, value) {
				return
			}
		}
	}
}

// field returns what stands after its length, and the rest.
func field(b []byte) (content, rest []byte) {
	n, size := binary.Uvarint(b)
	b = b[size:]
	return b[:n:n], b[n:]
}

const (
	// maxTenant is how long the name of a tenant may be for Loki, in bytes.
	maxTenant = 150
	// tenantLetters are what it may consist of.
	tenantLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!-_.*'()"
)

// ValidTenant reports whether Loki takes a name for a tenant's. The empty one is none.
func ValidTenant(name string) bool {
	strange := strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(tenantLetters, r) })
	return name != "" && len(name) <= maxTenant && !strange && name != "." && name != ".."
}
