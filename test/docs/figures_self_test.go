package docs

import (
	"strings"
	"testing"
)

// TestFiguresAreFound: the check of figures finds what it is there for, and leaves alone what
// is no figure of speed or cost.
func TestFiguresAreFound(t *testing.T) {
	for _, test := range []struct {
		name, document string
		want           string // part of the only finding; empty for none
	}{
		{"a sentence", "# A\n\nIt takes 12 MiB of memory.\n", "12 MiB"},
		{"a percentage", "Live it is 1.2 % of a core.\n", "1.2 %"},
		{"a small time", "35 µs for a container\n", "35 µs"},
		{"a ratio", "That is 1.55 × the floor.\n", "1.55 ×"},
		{"a rate", "It carries 1,637,000 lines/s.\n", "1,637,000"},
		{"a latency", "P95 is 197 ms here.\n", "197 ms"},
		{"a row", "| a | b |\n|---|---|\n| CPU | 15 % |\n", "15 %"},
		{"a row under units", "| | CPU s/GiB |\n|---|---:|\n| x | 2.42 |\n", "2.42"},
		{"an item", "- one\n- took 47 s on two cores\n", "47 s"},
		{"of many sections the one without", "## A\n\n`make bench`: 2 CPU s\n\n## B\n\n3 CPU s\n", `"B"`},
		{"a command that measures nothing", "`make build` took 3 s.\n", "3 s"},
		{"a command in a comment", "<!-- make bench --> It took 3 s.\n", "3 s"},
		{"a command in prose", "make bench shows that it took 3 s.\n", "3 s"},
		{"no reason", "<!-- no command: it is so -->\nIt took 3 s.\n", "is no reason"},
		{"a reason too much", "<!-- no command: once upon a time, elsewhere -->\nNothing.\n", "nothing here needs"},
		{"a reason for one paragraph only", "<!-- no command: once upon a time, elsewhere -->\nIt took 3 s.\n\nThat took 4 s.\n", "4 s"},
		{"a reason in another section", "<!-- no command: once upon a time, elsewhere -->\n## A\n\nThat took 4 s.\n", "4 s"},

		{"with its command", "It takes 12 MiB of memory (`go test -bench X ./a`).\n", ""},
		{"with its command in a block", "It took 3 s:\n\n```sh\nmake bench\n```\n", ""},
		{"with a reason", "<!-- no command: once upon a time, elsewhere -->\n| a | CPU s |\n|---|---|\n| x | 3.5 |\n", ""},
		{"a setting", "It waits for 200 ms, by default 10 s, and reads 64 MiB.\n", ""},
		{"a limit", "Lines longer than 256 KiB are cut.\n", ""},
		{"code", "It has taken `p95 197 ms`.\n", ""},
		{"an example", "```\nIt took 3 s and 12 MiB of memory each\n```\n", ""},
		{"a version", "Loki 3.7.8 on two cores.\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := without(test.document)
			switch {
			case test.want == "" && len(found) > 0:
				t.Errorf("found %q", found)
			case test.want != "" && (len(found) != 1 || !strings.Contains(found[0], test.want)):
				t.Errorf("found %q, want one with %q", found, test.want)
			}
		})
	}
}
