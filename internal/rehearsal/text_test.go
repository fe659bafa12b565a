package rehearsal

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

const someStages = `
- match: {selector: '{container="web"}', stages: [{multiline: {firstline: '^\S'}}]}
- json: {expressions: {level: , msg: }}
- match: {selector: '{container="web"} |= "debug"', action: drop, drop_counter_reason: debug}
- labels: {level: }
- output: {source: msg}
- redact: [mails]
- tenant: {value: "no tenant"}
- level:`

var some = []string{`{"level":"warn","msg":"slow"}`, `{"level":"debug"}`, "an\x1b]0;x\a a@example.org", "\tat b", "done"}

var times = regexp.MustCompile(` +[0-9.]+ µs`)

func TestText(t *testing.T) {
	var out bytes.Buffer
	p := NewText(&out, false)
	s := subject(t, someStages)
	p.Subject(s, "file: it is \x1b readable", []string{"lighterman does not collect it: x"})
	rehearse(s, p.Entry, some...)
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	const want = `web  file: it is ^[ readable
  labels    {container="web"}
  metadata  {container_id="1"}
  note: lighterman does not collect it: x

2026-11-29T12:00:00Z web stdout
  read      {"level":"warn","msg":"slow"}
  stages[0].match  matches
  stages[1].json  extracted level=warn; extracted msg=slow
  stages[2].match  does not match
  stages[3].labels  label level=warn
  stages[4].output  another line
    line    slow
  stages[5].redact  no change
  stages[6].tenant  tenant "no tenant"
  stages[7].level  metadata detected_level=warn; level warn
  sent      slow
  labels    {container="web", level="warn", stream="stdout"}
  metadata  {container_id="1", detected_level="warn"}
  note: Loki takes no such tenant: the configured one is used

2026-11-29T12:00:00.001Z web stdout
  read      {"level":"debug"}
  stages[0].match  matches
  stages[1].json  extracted level=debug
  stages[2].match  drops it
  dropped   by stages[2].match, counted as debug

2026-11-29T12:00:00.002Z web stdout  2 lines joined by stages[0].match.stages[0].multiline
  read      an^[]0;x^G a@example.org
            	at b
  stages[0].match  matches
  stages[1].json  no change
  stages[2].match  does not match
  stages[3].labels  no change
  stages[4].output  no change
  stages[5].redact  redacted 1; another line
    line    an^[]0;x^G <redacted:mail>
            	at b
  stages[6].tenant  tenant "no tenant"
  stages[7].level  no change
  sent      an^[]0;x^G <redacted:mail>
            	at b
  note: Loki takes no such tenant: the configured one is used

2026-11-29T12:00:00.004Z web stdout
  read      done
  stages[0].match  matches
  stages[1].json  no change
  stages[2].match  does not match
  stages[3].labels  no change
  stages[4].output  no change
  stages[5].redact  no change
  stages[6].tenant  tenant "no tenant"
  stages[7].level  no change
  sent      as read
  note: Loki takes no such tenant: the configured one is used

5 lines: 3 sent, 1 joined to others, 1 dropped by debug
STAGE              ENTRIES   DROPPED         EACH       IN ALL
stages[0].match          4         0
stages[1].json           4         0
stages[2].match          4         1
stages[3].labels         3         0
stages[4].output         3         0
stages[5].redact         3         0
stages[6].tenant         3         0
stages[7].level          3         0
`
	got := times.ReplaceAllString(out.String(), "")
	got = regexp.MustCompile(`(\]\.\w+) +([a-z])`).ReplaceAllString(got, "$1  $2")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestTextColor: colours are added, and nothing else is changed.
func TestTextColor(t *testing.T) {
	var plainly, coloured bytes.Buffer
	for out, color := range map[*bytes.Buffer]bool{&plainly: false, &coloured: true} {
		p, s := NewText(out, color), subject(t, someStages)
		p.Subject(s, "x", nil)
		rehearse(s, p.Entry, some...)
		if err := p.End(); err != nil {
			t.Fatal(err)
		}
	}
	without := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(coloured.String(), "")
	if got, want := times.ReplaceAllString(without, ""), times.ReplaceAllString(plainly.String(), ""); got != want || coloured.Len() == plainly.Len() || strings.Contains(plainly.String(), "\x1b") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNoStages: what no stage concerns is sent as it is read.
func TestNoStages(t *testing.T) {
	var got []*Entry
	for _, stages := range []string{"", `[{match: {selector: '{container="db"}', action: drop}}]`} {
		rehearse(subject(t, stages), func(e *Entry) { got = append(got, e) }, "a", "a")
	}
	if len(got) != 4 || !got[0].Sent() || len(got[0].Steps) != 0 || got[0].After.Labels["stream"] != "stdout" || got[1].After.Line != "a" {
		t.Errorf("got %+v", got)
	}
}

// TestStderr: a stream has labels of its own.
func TestStderr(t *testing.T) {
	s := subject(t, `[{labels: {level: }}]`)
	s.Labels.Stderr = logs.NewLabels(map[string]string{"container": "web", "level": "error"}, nil)
	var got *Entry
	r := Rehearse(s, func(e *Entry) { got = e })
	if r.Add(Line{Time: begin, Stream: logs.Stderr, Text: []byte("x")}); got == nil || got.After.Labels["level"] != "error" || got.After.Labels["stream"] != "stderr" {
		t.Errorf("got %+v", got)
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	p := NewJSON(&out)
	s := subject(t, someStages)
	p.Subject(s, "about", nil)
	rehearse(s, p.Entry, some...)
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	for i, parts := range map[int][]string{
		0: {`{"subject":"web","about":"about","labels":{"container":"web"},"structured_metadata":{"container_id":"1"},"notes":[]}`},
		1: {`"stage":"stages[0].match","took_ns":`, `"matched":true`, `"sent":{"time":"2026-11-29T12:00:00Z","line":"slow","labels":{"container":"web","level":"warn","stream":"stdout"}`, `"dropped":null`},
		2: {`"sent":null,"dropped":{"rule":"debug","stage":"stages[2].match"}`},
		3: {`"lines":2,"joined_by":"stages[0].match.stages[0].multiline"`, `"redacted":1`, `an\u001b]0;x\u0007 a@example.org`, `<redacted:mail>`},
		5: {`{"summary":{"lines":5,"sent":3,"joined":1,"dropped":{"debug":1},"stages":[{"stage":"stages[0].match","entries":4,"dropped":0,"took_ns":`},
	} {
		for _, part := range parts {
			if !strings.Contains(lines[i], part) {
				t.Errorf("%q is missing in %s", part, lines[i])
			}
		}
	}
}

type full struct{}

var errFull = errors.New("no space")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestCannotWrite(t *testing.T) {
	for _, p := range []Printer{NewText(full{}, true), NewJSON(full{})} {
		rehearse(subject(t, someStages), p.Entry, some...)
		if err := p.End(); !errors.Is(err, errFull) {
			t.Errorf("%T: %v", p, err)
		}
	}
}
