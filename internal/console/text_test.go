package console

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestNameColumn(t *testing.T) {
	batch := func(name string) *logs.Batch {
		var b logs.Batch
		add(&b, named(name), logs.Stdout, 1, "x")
		return &b
	}
	got := printed(t, Options{Format: Text, NameWidth: 8}, batch("a"), batch("four"), batch("a"), batch("a-very-long-name"),
		batch("ü\x1b[31m"))
	// Colours in a name are left out: the column has its own.
	want := "a  | x\nfour  | x\na     | x\na-very-…  | x\nü         | x\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestColors(t *testing.T) {
	var b logs.Batch
	web := named("web")
	add(&b, web, logs.Stdout, 1, "plain", "\x1b[31mred")
	add(&b, web, logs.Stderr, 3, "bad")
	got := strings.Split(printed(t, Options{Format: Text, Color: Always}, &b), "\n")
	colour, _, _ := strings.Cut(got[0], "web")
	if !slices.Contains(palette, colour) {
		t.Errorf("the name has no colour: %q", got[0])
	}
	for i, want := range []string{
		colour + "web  | " + reset + "plain",
		colour + "web  | " + reset + "\x1b[31mred" + reset,
		colour + "web" + red + " !| " + reset + "bad",
		"",
	} {
		if got[i] != want {
			t.Errorf("line %d: got %q, want %q", i, got[i], want)
		}
	}
}

func TestNameWithoutLabel(t *testing.T) {
	for want, labels := range map[string]map[string]string{
		"-": {}, "shop": {"service_name": "shop", "compose_service": "x"}, "x": {"compose_service": "x"},
	} {
		if got := nameOf(logs.NewLabels(labels, nil)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHarmfulLines(t *testing.T) {
	for in, want := range map[string][2]string{ // with and without colours
		"plain\ttext, ünïcödé 🎉":                {"plain\ttext, ünïcödé 🎉", "plain\ttext, ünïcödé 🎉"},
		"tty\r":                                 {"tty", "tty"},
		"10 %\r20 %\r":                          {"10 %^M20 %", "10 %^M20 %"},
		"\x1b[1;38;5;200mhi\x1b[0m":             {"\x1b[1;38;5;200mhi\x1b[0m\x1b[0m", "hi"},
		"\x1b[m\x1b[38:2::1:2:3mhi":             {"\x1b[m\x1b[38:2::1:2:3mhi\x1b[0m", "hi"},
		"\x1b[2J\x1b[H":                         {"^[[2J^[[H", "^[[2J^[[H"},
		"\x1b]0;title\x07":                      {"^[]0;title^G", "^[]0;title^G"},
		"\x1b]8;;http://x\x1b\\":                {"^[]8;;http://x^[\\", "^[]8;;http://x^[\\"},
		"\x1b[>4;1m":                            {"^[[>4;1m", "^[[>4;1m"}, // sets keyboard modes, no colour
		"\x1b[?1m":                              {"^[[?1m", "^[[?1m"},
		"\x1b[1":                                {"^[[1", "^[[1"},
		"\x1b":                                  {"^[", "^["},
		"\x1b[\x1b[31m":                         {"^[[\x1b[31m\x1b[0m", "^[["},
		"\x1b[" + strings.Repeat("1", 40) + "m": {"^[[" + strings.Repeat("1", 40) + "m", "^[[" + strings.Repeat("1", 40) + "m"},
		"\u009b31m\u0085":                       {"<U+009B>31m<U+0085>", "<U+009B>31m<U+0085>"},
		"a\u202eb\u2066c":                       {"a<U+202E>b<U+2066>c", "a<U+202E>b<U+2066>c"},
		"\x00\x7f\x08\n":                        {"^@^?^H^J", "^@^?^H^J"},
		"\x9b31m\xff\xe2\x82":                   {"\ufffd31m\ufffd\ufffd\ufffd", "\ufffd31m\ufffd\ufffd\ufffd"},
	} {
		for i, color := range []bool{true, false} {
			p := &textPrinter{color: color, maxWidth: 40, prefixes: [][]byte{nil}}
			var b logs.Batch
			add(&b, named("x"), logs.Stdout, 1, in)
			p.groups = b.Groups
			if got := string(p.entry(nil, 0, 0)); got != want[i]+"\n" {
				t.Errorf("%q, colours %v: got %q, want %q", in, color, got, want[i]+"\n")
			}
		}
	}
}

// FuzzVisible: whatever the line, what is left has no control characters but
// tabs and the sequences for colours.
func FuzzVisible(f *testing.F) {
	f.Add([]byte("\x1b[31mred\x1b[0m\x1b]0;x\x07\u009b\x9b\t"))
	f.Add([]byte("\x1b[\x1b[31m\x1b[1;2;3;4;5;6;7;8;9;10;11;12m"))
	f.Fuzz(func(t *testing.T, line []byte) {
		out, colored := appendVisible(nil, line, true)
		for i := bytes.IndexByte(out, 0x1b); i >= 0; i = bytes.IndexByte(out, 0x1b) {
			n := selectsColor(out[i:])
			if n == 0 || !colored {
				t.Fatalf("%q has a sequence that is no colour", out)
			}
			out = append(out[:i:i], out[i+n:]...)
			// What the removal joins was not a sequence before; only the rest counts.
			checkVisible(t, out[:i])
			out = out[i:]
		}
		checkVisible(t, out)
		out, colored = appendVisible(nil, line, false)
		if colored {
			t.Fatal("colours although none are wanted")
		}
		checkVisible(t, out)
	})
}

func checkVisible(t *testing.T, s []byte) {
	t.Helper()
	if !utf8.Valid(s) {
		t.Fatalf("%q is no UTF-8", s)
	}
	for _, r := range string(s) {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Fatalf("%q has %U", s, r)
		}
	}
}
