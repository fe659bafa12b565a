package jsonfile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	someTime   = `"time":"2025-11-07T12:00:00.123Z"}`
	otherTime  = `"time":"2025-11-07T12:00:01Z"}`
	someOutput = `"stream":"stdout",`
)

// rec is a record without a line feed.
func rec(text string) string {
	return `{"log":"` + text + `\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}`
}

// all takes a line apart, as a log is, and says with ! where something was lost.
func all(line string) (texts []string) {
	var d Decoder
	rest := []byte(line)
	for len(rest) > 0 {
		var r logs.Record
		start, end, err := d.Decode(rest, &r)
		if err != nil {
			return append(texts, "!")
		}
		if start > 0 {
			texts = append(texts, "!")
		}
		texts = append(texts, string(r.Text))
		rest = rest[end:]
	}
	return texts
}

// TestD1NulInText: wherever a control byte is in a record, and whatever way the processor
// looks for it, there is no record that encoding/json would not take, and what comes
// behind it is found.
func TestD1NulInText(t *testing.T) {
	const attrs = `"attrs":{"env":"a\"b\\","tag":"w é"},`
	for _, text := range []string{
		"", "short", strings.Repeat("plain ", 30), strings.Repeat(`{\"a\":\"b\"} `, 20), strings.Repeat(`\u001b[32m \t é `, 10),
		strings.Repeat("x", 70) + `\"`,
	} {
		for _, end := range []string{`\n`, ""} {
			for _, more := range []string{"", attrs} {
				whole := `{"log":"` + text + end + `",` + someOutput + more + someTime
				for at := range len(whole) {
					for _, c := range []byte{0, 1, '\t', '\r', 0x1f, ' ', 0x7f, 0x80, 0xff} {
						for _, bad := range []string{
							whole[:at] + string([]byte{c}) + whole[at:],
							whole[:at] + string([]byte{c}) + whole[at+1:],
							whole[:at] + strings.Repeat(string([]byte{c}), 70) + whole[at+1:],
						} {
							damaged(t, bad)
						}
					}
				}
			}
		}
	}
	long := strings.Repeat("x", logs.PartSize)
	for _, at := range []int{0, 1, 7, 8, 31, 32, 33, 100, 8 << 10, len(long) - 1} {
		damaged(t, rec(long[:at]+"\x00"+long[at:]))
		damaged(t, rec(long[:at]+"\x00"+long[at:]+`\"`))
		damaged(t, rec(`\"`+long[:at]+"\x1f"+long[at:]))
	}
}

// damaged holds the ways of decoding against each other for a line that is perhaps no
// record.
func damaged(t *testing.T, line string) {
	t.Helper()
	var d Decoder
	var got, want logs.Record
	fast := d.fast([]byte(line), &got)
	err := d.slow([]byte(line), &want)
	if fast && err != nil {
		t.Fatalf("%.300q is taken for a record with %.300q: %v", line, got.Text, err)
	}
	if fast && (got.Time != want.Time || got.Stream != want.Stream || string([]rune(string(got.Text))) != string(want.Text)) {
		t.Fatalf("%.300q: %.300q, want %.300q", line, got.Text, want.Text)
	}
	s := []byte(line)
	wantText, wantEnd, wantOK := twoPasses(bytes.Clone(s))
	for name, text := range ways() {
		if _, _, end, ok := text(&d, s); ok != wantOK || ok && end != wantEnd {
			t.Fatalf("by %s: %.300q: %t up to %d, want %t up to %d, %.300q", name, line, ok, end, wantOK, wantEnd, wantText)
		}
	}
	if err == nil {
		return
	}
	const next = "the next one"
	if found := all(line + rec(next)); found[len(found)-1] != next+"\n" || len(found) > 3 {
		t.Fatalf("%.300q and another record: %.300q", line, found)
	}
}

// TestD1ManyZeros: all whole records of a line are found behind zeros, and nothing is made up.
func TestD1ManyZeros(t *testing.T) {
	zeros := strings.Repeat("\x00", 5000)
	line := `{"log":"cut ` + zeros + ` short\n",` + someOutput + someTime + rec("a") + zeros + rec("b") + "\x00" +
		`{"log":"c\n","stream":"std` + zeros + `out",` + someTime + rec("d") + zeros
	if got, want := fmt.Sprintf("%q", all(line)), `["!" "a\n" "!" "b\n" "!" "d\n" "!"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestD2LineFeedMissing: a line that has several records, torn or whole, gives all that
// are whole.
func TestD2LineFeedMissing(t *testing.T) {
	const attrs = `"attrs":{"log":"{\"log\":\"x\"","tag":"{}"},`
	trap := `{"log":"T\n",` + someOutput + `"attrs":{"log":"made up","stream":"stdout","time":"2025-11-07T12:00:00Z"},` + someTime
	a, b := rec("A"), `{"log":"B\n",`+someOutput+attrs+otherTime
	for line, want := range map[string]string{
		a + b:                              `["A\n" "B\n"]`,
		a + b + a + b:                      `["A\n" "B\n" "A\n" "B\n"]`,
		b[:len(b)/2] + a + b:               `["!" "A\n" "B\n"]`,
		a + b[:len(b)/2] + b + a[:20]:      `["A\n" "!" "B\n" "!"]`,
		trap + a + trap:                    `["T\n" "A\n" "T\n"]`,
		trap[5:] + a:                       `["!" "A\n"]`,
		trap[:len(trap)-3] + trap:          `["!" "T\n"]`,
		rec(`{\"log\":\"no\"}`) + a:        `["{\"log\":\"no\"}\n" "A\n"]`,
		`{"log":"{"log":"{"log":"` + a:     `["!" "A\n"]`,
		a + `{"stream":"stderr"}` + a:      `["A\n" "!" "A\n"]`,
		` { "log":"A\n" , ` + someTime:     `["!"]`,
		strings.Replace(a, `"A`, `"`, 1):   `["\n"]`,
		strings.Replace(a, `A\n`, ``, 1):   `[""]`,
		a + strings.Replace(a, "}", "", 1): `["A\n" "!"]`,
	} {
		if got := fmt.Sprintf("%q", all(line)); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

// TestManyStarts takes time in proportion to its length: it would not end in time otherwise.
func TestManyStarts(t *testing.T) {
	for _, piece := range []string{
		recordStart, recordStart + `x"`, `{"log":"",` + someOutput + `"attrs":{"log":"`, rec("")[:40], rec(""), recordStart + `\`, "\x00", "{",
		`{"log":"",` + someOutput + `"attrs":{"a":"b",`,
	} {
		line := strings.Repeat(piece, 4<<20/len(piece))
		if got := all(line); len(got) > len(line)/len(piece) {
			t.Errorf("%d records of %q", len(got), piece)
		}
	}
}
