package rehearsal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/console"
)

// TestHarmless holds what goes to a terminal to be the same to a program, and to show.
func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"plain é 日本 😀":            "plain é 日本 😀",
		"\u009b31m\u202e\u200b":   `\u009b31m\u202e\u200b`,
		"\x7f\u2028\ufeff":        `\u007f\u2028\ufeff`,
		"e\u0301 ❤\ufe0f a\ufe0f": "e\u0301 ❤" + `\ufe0f` + " a" + `\ufe0f`,
		"\U000e0041":              `\udb40\udc41`,
	} {
		var out bytes.Buffer
		encode(t, harmless{&out}, text)
		if got := strings.TrimSuffix(out.String(), "\n"); got != `"`+want+`"` {
			t.Errorf("%q: %s, and not %s", text, got, want)
		}
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != text {
			t.Errorf("%q came back as %q, %v", text, back, err)
		}
	}
	marks := strings.Repeat("\u0301", 1000)
	if got := console.AppendHarmless(nil, []byte("a"+marks)); strings.Count(string(got), `\u0301`) < 500 {
		t.Errorf("marks without end on a letter: %q", got)
	}
}

func encode(t *testing.T, w io.Writer, text string) {
	t.Helper()
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(text); err != nil {
		t.Fatal(err)
	}
}

// TestJSONOnTerminal prints to a terminal, and into a pipe, where all stays as it is.
func TestJSONOnTerminal(t *testing.T) {
	const text = "\u009b31m\u202e"
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	number, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer pipe.Close()
	for _, c := range []struct {
		to, from *os.File
		raw      bool
	}{{terminal, ours, false}, {pipe, r, true}} {
		NewJSON(c.to).put(text)
		line, err := bufio.NewReader(c.from).ReadString('\n')
		if err != nil || strings.Contains(line, text) != c.raw || !c.raw && !strings.Contains(line, `\u009b31m\u202e`) {
			t.Errorf("%q, %v", line, err)
		}
	}
}

// TestShortIsShort: letters of four bytes are cut, too.
func TestShortIsShort(t *testing.T) {
	for text, most := range map[string]int{strings.Repeat("😀", 50_000): 900, strings.Repeat("a", 50_000): 300, strings.Repeat("é", 50_000): 500} {
		if got := short(text, mostShown); len(got) > most || !strings.Contains(got, "bytes)") || !utf8.ValidString(got) {
			t.Errorf("%d bytes are shown of %.8q…", len(got), text)
		}
	}
	if whole := strings.Repeat("😀", mostShown); short(whole, mostShown) != whole {
		t.Error("what fits is cut")
	}
}
