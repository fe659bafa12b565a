package console

import (
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscaped(t *testing.T) {
	for line, want := range map[string]string{
		"":                               "",
		"plain\tätext":                   "plain\tätext",
		"\x1b[31mred\x1b[0m":             "^[[31mred^[[0m",
		"a\x00\a\x7f\u0085b":             "a^@^G^?<U+0085>b",
		"\u202eback\u200b \xff. e\u0301": "<U+202E>back<U+200B> \ufffd. e\u0301",
		"line\nbreak\r":                  "line^Jbreak^M",
	} {
		if got := Escaped(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// FuzzEscaped: nothing that is shown can do anything, and what is harmless stays.
func FuzzEscaped(f *testing.F) {
	f.Add("a\x1b]0;t\a\u202e")
	f.Fuzz(func(t *testing.T, line string) {
		got := Escaped(line)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) && r != '\t' || hidden(r) && r != textForm && r != emojiForm
		}) {
			t.Errorf("%q is shown as %q", line, got)
		}
		if again := Escaped(got); again != got {
			t.Errorf("%q is shown as %q, and that as %q", line, got, again)
		}
	})
}

func TestUseColor(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	if UseColor(AutoColor, new(strings.Builder)) || UseColor(AutoColor, os.NewFile(^uintptr(0), "")) || UseColor(Never, os.Stdout) || !UseColor(Always, new(strings.Builder)) {
		t.Error("colours are used where they are not wanted, or not where they are")
	}
}
