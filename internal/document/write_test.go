package document

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestWritten: a text is read back as it was, whatever is in it, and has one line; so has a
// comment.
func TestWritten(t *testing.T) {
	for _, text := range []string{"", "plain", "a: b", "# no comment", "- x", "it's \"quoted\"", "two\nlines", "\x1b[31mred\x07", "\u202eturned", "\u2028\u0085", "{a, b}", "yes", "0x10", "\ttab", "\ufffe", "🚢", "&a *b !c", "'"} {
		for _, written := range []string{Text(text), Quoted(text)} {
			var back map[string]string
			if err := yaml.Unmarshal([]byte("a: "+written+" # "+Visible(text)+"\n"), &back); err != nil || back["a"] != text {
				t.Errorf("%q: %s: %q, %v", text, written, back["a"], err)
			}
			if strings.ContainsFunc(written+Visible(text), func(r rune) bool { return r != '\t' && Unseen(r) }) {
				t.Errorf("%q: %q and %q", text, written, Visible(text))
			}
		}
	}
}
