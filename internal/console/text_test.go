package console

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
)

func TestNameColumn(t *testing.T) {
	batch := func(name string) *logs.Batch {
		var b logs.Batch
		add(&b, named(name), logs.Stdout, 1, "x")
		return &b
	}
	got := printed(t, Options{Format: Text, Columns: func() int { return 40 }}, batch("a"), batch("four"), batch("a"), batch("a-very-long-name"),
		batch("ü\x1b[31m"))
	// Colours in a name are left out: the column has its own.
	want := "a  | x\nfour  | x\na     | x\na-v…name  | x\nü         | x\n"
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
		"\x1b[m\x1b[38:2::91:92:93mhi":          {"\x1b[m\x1b[38:2::91:92:93mhi\x1b[0m", "hi"},
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
		"\x00\x7f\x08\n":                        {"^@^?^H\n", "^@^?^H\n"},
		"\x9b31m\xff\xe2\x82":                   {"\ufffd31m\ufffd\ufffd\ufffd", "\ufffd31m\ufffd\ufffd\ufffd"},
	} {
		for i, color := range []bool{true, false} {
			p := &textPrinter{color: color, prefixes: [][]byte{nil}, further: [][]byte{nil}}
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
		var now style
		for i := bytes.IndexByte(out, 0x1b); i >= 0; i = bytes.IndexByte(out, 0x1b) {
			n, next := selectsColor(out[i:], now)
			if now = next; n == 0 || !colored {
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
		if r != '\t' && r != emojiForm && r != textForm && (unicode.IsControl(r) || hidden(r)) {
			t.Fatalf("%q has %U", s, r)
		}
	}
}

// TestS11HiddenText: text that a terminal would not show is made visible, whatever
// hides it.
func TestS11HiddenText(t *testing.T) {
	shown := map[string]string{
		"\x1b[8mx":                               "^[[8mx",
		"\x1b[08mx":                              "^[[08mx",
		"\x1b[1;8mx":                             "^[[1;8mx",
		"\x1b[0;31;8mx":                          "^[[0;31;8mx",
		"\x1b[5mx":                               "^[[5mx",
		"\x1b[30mx":                              "^[[30mx", // on a black terminal
		"\x1b[97mx":                              "^[[97mx", // on a white one
		"\x1b[47mx":                              "^[[47mx",
		"\x1b[40mx":                              "^[[40mx",
		"\x1b[31;41mx":                           "^[[31;41mx",
		"\x1b[91;41mx":                           "^[[91;41mx",
		"\x1b[30;40mx":                           "^[[30;40mx",
		"\x1b[97;107mx":                          "^[[97;107mx",
		"\x1b[90;100mx":                          "^[[90;100mx",
		"\x1b[37;47;31m":                         "\x1b[37;47;31m",
		"\x1b[41;37mx\x1b[31my":                  "\x1b[41;37mx^[[31my",
		"\x1b[31mx\x1b[41my":                     "\x1b[31mx^[[41my",
		"\x1b[32;41mx\x1b[39my\x1b[49m\x1b[33mz": "^[[32;41mx\x1b[39my\x1b[49m\x1b[33mz",
		"\x1b[38;5;0mx":                          "^[[38;5;0mx",
		"\x1b[38;5;16mx":                         "^[[38;5;16mx",
		"\x1b[38;5;232mx":                        "^[[38;5;232mx",
		"\x1b[38;5;231mx":                        "^[[38;5;231mx",
		"\x1b[38;5;196;48;5;196mx":               "^[[38;5;196;48;5;196mx",
		"\x1b[38;5;196;48;5;197mx":               "^[[38;5;196;48;5;197mx",
		"\x1b[38;2;0;0;0mx":                      "^[[38;2;0;0;0mx",
		"\x1b[38;2;200;1;1;48;2;200;1;2mx":       "^[[38;2;200;1;1;48;2;200;1;2mx",
		"\x1b[38:2::255:255:255mx":               "^[[38:2::255:255:255mx",
		"\x1b[38;5mx":                            "^[[38;5mx",
		"\x1b[38;2;1;2mx":                        "^[[38;2;1;2mx",
		"\x1b[38;5;300mx":                        "^[[38;5;300mx",
		"\x1b[48;5;255mx":                        "^[[48;5;255mx",
		"\x1b[99mx":                              "^[[99mx",
		"a\u200bb\u200c\u200d\u2060\ufeff\u00ad": "a<U+200B>b<U+200C><U+200D><U+2060><U+FEFF><U+00AD>",
		"\U000e0001\U000e0041\U000e007f":         "<U+E0001><U+E0041><U+E007F>",
		"a\u2028b\u2029c":                        "a<U+2028>b<U+2029>c",
		"a\u200e\u061c\u202ab\u2069":             "a<U+200E><U+061C><U+202A>b<U+2069>",
		"\u115f\u3164\uffa0\u034f\u180e\u2800":   "<U+115F><U+3164><U+FFA0><U+034F><U+180E><U+2800>",
		"a\ufe0f\ufe00\U000e0101":                "a<U+FE0F><U+FE00><U+E0101>",
		"\ufff9\u206a\U0001d173":                 "<U+FFF9><U+206A><U+1D173>",
		"a" + strings.Repeat("\u0336", 6):        "a" + strings.Repeat("\u0336", 4) + "<U+0336>\u0336",
	}
	for in, want := range shown {
		got, _ := appendVisible(nil, []byte(in), true)
		if string(got) != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for _, harmless := range []string{
		"\x1b[31mred\x1b[0m", "\x1b[1;36mcyan", "\x1b[90mgrey\x1b[39m", "\x1b[37;41m ERROR \x1b[0m", "\x1b[30;43mwarn",
		"\x1b[38;5;208morange", "\x1b[38;2;255;120;0morange", "\x1b[7minverse\x1b[27m", "\x1b[2mfaint\x1b[22m", "\x1b[30;47mpaper",
		"⚠️ ünïcödé 🎉 नमस्ते العربية 日本語 e\u0301", "a\u00a0b\u3000c",
	} {
		if got, _ := appendVisible(nil, []byte(harmless), true); string(got) != harmless {
			t.Errorf("%q: got %q", harmless, got)
		}
	}
}

// TestColumns: a terminal has room for names in proportion, a pipe for all of them.
func TestColumns(t *testing.T) {
	columns := 0
	var b logs.Batch
	add(&b, named("shop-backend-orders-worker-with-a-very-long-name-12"), logs.Stdout, 1, "x")
	add(&b, named("db"), logs.Stderr, 2, "y")
	s := func(n int) string {
		columns = n
		return printed(t, Options{Format: Text, Columns: func() int { return columns }, Time: DateTime, Zone: time.UTC}, &b)
	}
	for n, want := range map[int]string{
		0:   "1970-01-01 00:00:00.000 shop-backend-orders-worker-with-a-very-long-name-12  | x\n1970-01-01 00:00:00.000 db                                       !| y\n",
		160: "1970-01-01 00:00:00.000 shop-backend-orders…-a-very-long-name-12  | x\n1970-01-01 00:00:00.000 db                                       !| y\n",
		80:  "1970-01-01 00:00:00.000 shop-back…ng-name-12  | x\n1970-01-01 00:00:00.000 db                   !| y\n",
		60:  "00:00:00.000 shop-…ame-12  | x\n00:00:00.000 db           !| y\n",
		10:  "00:00:00.000 sho…e-12  | x\n00:00:00.000 db       !| y\n",
	} {
		if got := s(n); got != want {
			t.Errorf("%d columns: got\n%swant\n%s", n, got, want)
		}
	}
}

// TestTurns: as many containers as there are colours have different ones, and each keeps its own.
func TestTurns(t *testing.T) {
	var n names
	given := make(map[string]bool)
	for i := range palette {
		given[n.color(fmt.Sprint(i))] = true
	}
	if len(given) != len(palette) || n.color("0") != palette[0] {
		t.Errorf("%d colours", len(given))
	}
	for i := range 3 * mostNames {
		n.color(fmt.Sprint("x", i))
	}
	if len(n.colors) > mostNames {
		t.Errorf("%d names are remembered", len(n.colors))
	}
}

// TestEntriesOfSeveralLines: what belongs to an entry can be told from another entry, and
// can be left out.
func TestEntriesOfSeveralLines(t *testing.T) {
	var b logs.Batch
	add(&b, named("web"), logs.Stdout, 1, "panic\n\tat x\nother  | forged\x1b[2J")
	if got, want := printed(t, Options{Format: Text}, &b), "web  | panic\nweb  : \tat x\nweb  : other  | forged^[[2J\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := printed(t, Options{Format: Text, Fold: true}, &b), "web  | panic (+2 lines)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFilter(t *testing.T) {
	pattern := func(text string) []*regexp.Regexp { return []*regexp.Regexp{regexp.MustCompile(text)} }
	var b logs.Batch
	add(&b, named("web"), logs.Stdout, 1, "INFO starts", "\x1b[31mERR\x1b[0mOR it fails", "nothing to be told", `{"level":"warn","msg":"hot"}`)
	b.Add(named("web"), logs.Entry{Time: 9, Line: []byte("by metadata"), Extra: &logs.Extra{Metadata: logs.Metadata(nil).Append("detected_level", "fatal")}})
	for name, test := range map[string]struct {
		show Filter
		want string
	}{
		"level":   {Filter{Least: level.Warn}, "ERROR it fails\n{\"level\":\"warn\",\"msg\":\"hot\"}\nby metadata\n"},
		"include": {Filter{Include: pattern("ERROR|told")}, "ERROR it fails\nnothing to be told\n"},
		"exclude": {Filter{Exclude: pattern("starts|fails|metadata|hot")}, "nothing to be told\n"},
		"both":    {Filter{Include: pattern("t"), Exclude: pattern("told|hot")}, "INFO starts\nERROR it fails\nby metadata\n"},
	} {
		got := strings.ReplaceAll(printed(t, Options{Format: Text, Show: test.show}, &b), "web  | ", "")
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestHighlight: what matches is marked, and nothing of the container's stands beside it
// that could hide it.
func TestHighlight(t *testing.T) {
	var b logs.Batch
	add(&b, named("web"), logs.Stdout, 1, "a \x1b[41mred\x1b[2J line", "\x1b[31mother")
	got := printed(t, Options{Format: Text, Color: Always, Highlight: []*regexp.Regexp{regexp.MustCompile("red"), regexp.MustCompile("^$|line"), regexp.MustCompile("x*")}}, &b)
	for _, want := range []string{"a " + marked + "red" + reset + "^[[2J " + marked + "line" + reset + "\n", "\x1b[31mother" + reset + "\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := printed(t, Options{Format: Text, Highlight: []*regexp.Regexp{regexp.MustCompile("red")}}, &b); strings.Contains(got, marked) {
		t.Errorf("marked without colours: %q", got)
	}
}
