package lines

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// Pattern is the kind of text a line has.
type Pattern string

// The patterns. Every line begins with tag and number, whatever the pattern,
// so no two lines of a container are equal.
const (
	// Plain is what most programs write: 40 to 200 characters of words.
	Plain Pattern = "plain"
	// JSON is a structured line of quotes, as slog writes it.
	JSON Pattern = "json"
	// Escapes has much of what json-file has to escape, and multi-byte runes.
	Escapes Pattern = "escapes"
)

var words = strings.Fields("lock tide barge quay cargo hull rope crane ebb mooring pilot wharf buoy anchor ferry current bridge sluice")

var escapes = []string{`"`, `\`, "<b>", "a&b", "\t", "\x1b[31m", "é", "水", "🚢", "\u2028", "/", "\x7f", "\b", "\uFFFD"}

// Text returns line k of the container tagged tag, without line feed.
func Text(tag string, pattern Pattern, k int) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d", tag, k)
	seed := h.Sum64()
	next := func(n int) int { // splitmix64
		seed += 0x9e3779b97f4a7c15
		z := (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return int((z ^ z>>31) % uint64(n))
	}
	var b strings.Builder
	switch pattern {
	case JSON:
		fmt.Fprintf(&b, `{"tag":%q,"n":%d,"msg":"%s \"%s\"","ms":%d,"ok":%t}`,
			tag, k, words[next(len(words))], words[next(len(words))], next(5000), next(2) == 0)
	case Escapes:
		fmt.Fprintf(&b, "%s %07d", tag, k)
		for range 3 + next(12) {
			b.WriteString(" " + escapes[next(len(escapes))])
		}
	default:
		fmt.Fprintf(&b, "%s %07d", tag, k)
		for range 4 + next(24) {
			b.WriteString(" " + words[next(len(words))])
		}
	}
	return b.String()
}

// Stream returns the stream that line k goes to when the container writes to
// streams: "stdout", "stderr", "alternate" (even numbers to stdout) or "both"
// (every line to both, stdout first); the latter gives the empty string.
func Stream(streams string, k int) string {
	switch {
	case streams == "both":
		return ""
	case streams == "stderr", streams == "alternate" && k%2 == 1:
		return "stderr"
	default:
		return "stdout"
	}
}

// Sized returns a text of exactly size bytes, all printable ASCII, for line k.
// The texts of different k differ as soon as they have 8 bytes.
func Sized(k, size int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, size)
	for i := range b {
		b[i] = alphabet[(i+i/61+k)%len(alphabet)]
	}
	if mark := fmt.Sprintf("%07d:", k); len(mark) <= size {
		copy(b, mark)
	}
	return string(b)
}

// Corpus returns lines that are awkward for a log collector, as the bytes a
// program writes, without line feed. All are shorter than Docker's 16 KiB.
func Corpus() []string {
	list := []string{
		`quotes "double" 'single' \"escaped\" \\ \n \u0041`,
		"", // an empty line
		" ",
		"tab\tand\vvertical\fform\bback\abell\x00nul\x1bescape\x7fdelete",
		"\x1b[1;31mred\x1b[0m \x1b]0;title\x07",
		"<script>&amp;</script>",
		"line\u2028separator\u2029paragraph",
		"emoji 🚢⚓️👩‍👩‍👧‍👦 水 ﷽ e\u0301 \ufeffbom",
		"genuine replacement \ufffd",
		"carriage\rreturn inside",
		"carriage return at the end\r",
		"\r",
		"invalid \xff\xfe\xc3\x28\xe2\x82 utf-8",
		"surrogate \xed\xa0\x80 and overlong \xc0\xaf",
		"truncated rune at the end \xf0\x9f\x9a",
		`{"log":"looks like Docker\n","stream":"stderr","time":"2020-01-01T00:00:00Z"}`,
		"2020-01-01T00:00:00.000000000Z looks like a timestamp",
		strings.Repeat("é", 4000),
		strings.Repeat("\x00", 100),
		strings.Repeat(" ", 1000) + "x",
	}
	for c := range 0x20 {
		if c != '\n' {
			list = append(list, fmt.Sprintf("control %02x [%c]", c, c))
		}
	}
	return list
}

// Unterminated is what logwriter -unterminated ends with: no line feed follows.
const Unterminated = "the end, without a line feed"
