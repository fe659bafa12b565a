package rehearsal

import (
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

func is[T any](v T) *T { return &v }

func TestRun(t *testing.T) {
	in := func(lines ...string) (out []Line) {
		for i, line := range lines {
			out = append(out, Line{Time: begin + int64(i), Text: []byte(line)})
		}
		return out
	}
	const slow = `{"level":"warn","msg":"slow"}`
	at := time.Unix(0, begin).UTC()
	for _, c := range []struct {
		name   string
		input  []Line
		expect []Expected
		want   []string
	}{
		{"right", in(slow), []Expected{{Line: is("slow"), Stream: is("stdout"), Level: is("warn"), Tenant: is(""), Time: &at,
			Labels: map[string]*string{"level": is("warn"), "none": nil}, Metadata: map[string]*string{"container_id": is("1")}}}, nil},
		{"wrong", in(slow), []Expected{{Place: "f:7", Line: is("fast"), Stream: is("stderr"), Level: is("info"), Tenant: is("a"), Time: is(at.Add(1)),
			Labels: map[string]*string{"level": nil, "x": is("y")}, Metadata: map[string]*string{"container_id": is("2")}}},
			[]string{"f:7: entry 1 of 1: line: expected (-), got (+)\n      - fast\n      + slow", "stream: expected \"stderr\", got \"stdout\"",
				"label level: expected none, got \"warn\"", "label x: expected \"y\", got none", "structured metadata container_id: expected \"2\", got \"1\"",
				"level: expected \"info\", got \"warn\"", "tenant: expected \"a\"", "time: expected 2026-11-29T12:00:00.000000001Z, got 2026-11-29T12:00:00Z"}},
		{"dropped", in("debug"), []Expected{{Dropped: true}}, nil},
		{"dropped by its rule", in("debug"), []Expected{{Line: is("debug"), Dropped: true, Rule: "debug"}}, nil},
		{"dropped by another", in("debug"), []Expected{{Place: "f:7", Dropped: true, Rule: "drop"}}, []string{"expected it dropped by drop, got it dropped by debug (stages[2].match); there are the rules debug"}},
		{"not dropped", in("a\x1b"), []Expected{{Place: "f:7", Dropped: true}}, []string{`f:7: entry 1 of 1: expected an entry dropped, got "a^[" sent`}},
		{"dropped and not looked at", in("debug 1", "a", "debug 2"), []Expected{{Line: is("a")}}, nil},
		{"dropped and not expected", in("debug"), []Expected{{Place: "f:7", Line: is("debug")}}, []string{`f:7: entry 1 of 1: expected "debug" sent, got no more`, `and "debug" dropped by debug (stages[2].match)`}},
		{"nothing", in("debug"), nil, nil},
		{"more", in("a", "b"), []Expected{{Line: is("a")}}, []string{`entry 2: expected no more, got "b" sent`}},
		{"less", nil, []Expected{{Place: "f:7", Line: is("a\nb")}, {Place: "f:8", Dropped: true, Rule: "x"}}, []string{`f:7: entry 1 of 2: expected "a⏎b" sent, got no more`, "f:8: entry 2 of 2: expected an entry dropped by x, got no more"}},
		{"joined", in("a", "\tb"), []Expected{{Line: is("a\n\tb")}}, nil},
		{"joined otherwise", in("a", "\tb"), []Expected{{Place: "f:7", Line: is("a\n\tc")}}, []string{"line: expected (-), got (+)\n        a\n      - \tc\n      + \tb"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stages := strings.Replace(someStages, "- tenant: {value: \"no tenant\"}\n", "", 1)
			got := (&Test{Subject: subject(t, stages), Input: c.input, Expect: c.expect}).Run()
			if len(got) != len(c.want) {
				t.Fatalf("got %q\nwant %q", got, c.want)
			}
			for i := range got {
				if !strings.Contains(got[i], c.want[i]) {
					t.Errorf("got %q\nwant %q", got[i], c.want[i])
				}
			}
		})
	}
	if got := (&Test{Subject: subject(t, ""), Input: []Line{{Stream: logs.Stderr, Text: []byte("x")}}, Expect: []Expected{{Stream: is("stderr"), Dropped: true, Rule: "y"}}}).Run(); len(got) != 1 {
		t.Errorf("without stages: %q", got)
	}
}
